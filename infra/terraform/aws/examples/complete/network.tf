# Two zones, which EKS needs. Nodes and functions are in the private subnets, behind one NAT gateway.

locals {
  zones = { for index, letter in var.zones : "${var.region}${letter}" => index }
}

resource "aws_vpc" "network" {
  #checkov:skip=CKV2_AWS_11:Flow logs are the owner's decision; they cost by volume, and this is an example.
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

# The default security group of the VPC allows nothing.
resource "aws_default_security_group" "network" {
  vpc_id = aws_vpc.network.id
}

resource "aws_internet_gateway" "network" {
  vpc_id = aws_vpc.network.id
  tags   = { Name = var.name }
}

resource "aws_subnet" "public" {
  for_each          = local.zones
  vpc_id            = aws_vpc.network.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(aws_vpc.network.cidr_block, 8, each.value)
  tags              = { Name = "${var.name}-public-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each          = local.zones
  vpc_id            = aws_vpc.network.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(aws_vpc.network.cidr_block, 4, each.value + 1)
  tags              = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_eip" "nat" {
  #checkov:skip=CKV2_AWS_19:It belongs to the NAT gateway, not to an instance.
  domain = "vpc"
  tags   = { Name = var.name }
}

resource "aws_nat_gateway" "nat" {
  allocation_id = aws_eip.nat.id
  subnet_id     = values(aws_subnet.public)[0].id
  tags          = { Name = var.name }
  depends_on    = [aws_internet_gateway.network]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.network.id
  tags   = { Name = "${var.name}-public" }
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.network.id
  }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.network.id
  tags   = { Name = "${var.name}-private" }
  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.nat.id
  }
}

resource "aws_route_table_association" "public" {
  for_each       = aws_subnet.public
  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  for_each       = aws_subnet.private
  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}
