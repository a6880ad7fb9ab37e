# A network, a cluster, and Boatyard on it with every feature turned on.

resource "aws_security_group" "function" {
  name        = "${var.name}-function"
  description = "The functions: they call, nothing calls them this way"
  vpc_id      = aws_vpc.network.id
  tags        = { Name = "${var.name}-function" }
}

resource "aws_vpc_security_group_egress_rule" "function" {
  security_group_id = aws_security_group.function.id
  description       = "AWS's APIs and the cluster's endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "cluster" {
  security_group_id            = aws_eks_cluster.cluster.vpc_config[0].cluster_security_group_id
  referenced_security_group_id = aws_security_group.function.id
  description                  = "The functions start builds"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

module "boatyard" {
  source     = "../.."
  name       = var.name
  bundle     = { path = var.bundle }
  cluster    = { name = aws_eks_cluster.cluster.name }
  encryption = { create_key = true }
  projects = {
    flytesnacks = { domains = ["development", "staging", "production"] }
    research    = { domains = ["development"] }
  }
  image_builder = {
    buildkit = { enabled = true }
    kubernetes = {
      replicas = 2
      requests = { cpu = "2", memory = "4Gi" }
      limits   = { memory = "12Gi" }
    }
    output = { provenance = "min", sbom = true }
  }
  repository = {
    base_arns = ["arn:${data.aws_partition.current.partition}:ecr:${var.region}:${data.aws_caller_identity.current.account_id}:repository/golden/python"]
  }
  events = {
    specs          = true
    drift_schedule = "rate(1 day)"
  }
  function = {
    tracing              = true
    reserved_concurrency = 20
    vpc = {
      subnet_ids         = [for subnet in aws_subnet.private : subnet.id]
      security_group_ids = [aws_security_group.function.id]
    }
  }
  cross_account = {
    pull_principals = [aws_iam_role.eks["node"].arn]
  }
  tags = { app = "boatyard" }
  # The objects need a cluster with nodes, and jobs the agent that gives them credentials.
  depends_on = [aws_eks_node_group.builds, aws_eks_addon.addon]
}

data "aws_caller_identity" "current" {}
