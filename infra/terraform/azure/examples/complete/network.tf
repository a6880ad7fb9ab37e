# Nodes have no public address; a NAT gateway is their way to base images and packages. The function joins the network, because
# the cluster's API server has a private address only.

resource "azurerm_resource_group" "group" {
  name     = var.name
  location = var.location
}

resource "azurerm_virtual_network" "network" {
  #checkov:skip=CKV_AZURE_183:Azure's own name servers; others are the owner's decision.
  name                = var.name
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  address_space       = ["10.20.0.0/16"]
}

resource "azurerm_subnet" "nodes" {
  #checkov:skip=CKV2_AZURE_31:AKS makes the security group of its nodes itself, and nothing else is in this network.
  name                 = "nodes"
  resource_group_name  = azurerm_resource_group.group.name
  virtual_network_name = azurerm_virtual_network.network.name
  address_prefixes     = ["10.20.0.0/20"]
}

resource "azurerm_subnet" "functions" {
  #checkov:skip=CKV2_AZURE_31:Nothing listens in it: the function's connections go out only.
  name                 = "functions"
  resource_group_name  = azurerm_resource_group.group.name
  virtual_network_name = azurerm_virtual_network.network.name
  address_prefixes     = ["10.20.16.0/26"]
  delegation {
    name = "functions"
    service_delegation {
      name    = "Microsoft.App/environments"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_public_ip" "nat" {
  name                = "${var.name}-nat"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  allocation_method   = "Static"
  sku                 = "Standard"
}

resource "azurerm_nat_gateway" "nat" {
  name                = var.name
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  sku_name            = "Standard"
}

resource "azurerm_nat_gateway_public_ip_association" "nat" {
  nat_gateway_id       = azurerm_nat_gateway.nat.id
  public_ip_address_id = azurerm_public_ip.nat.id
}

resource "azurerm_subnet_nat_gateway_association" "nat" {
  for_each = {
    nodes     = azurerm_subnet.nodes.id
    functions = azurerm_subnet.functions.id
  }
  subnet_id      = each.value
  nat_gateway_id = azurerm_nat_gateway.nat.id
}
