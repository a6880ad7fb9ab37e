# Builds run in an existing cluster, with a managed buildkitd that keeps its caches.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = ">= 2.38"
    }
  }
}

variable "bundle" {
  description = "The functions' bundle, from `make bundle CLOUD=aws`."
  type        = string
  default     = "../../../../../.boatyard/bundles/aws.zip"
}

variable "cluster_name" {
  description = "The EKS cluster."
  type        = string
}

variable "image_builder" {
  description = "Settings of the image builder: docs/configuration.md."
  type        = any
  default     = {}
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

provider "aws" {
  region = var.region
}

data "aws_eks_cluster" "cluster" {
  name = var.cluster_name
}

data "aws_eks_cluster_auth" "cluster" {
  name = var.cluster_name
}

provider "kubernetes" {
  host                   = data.aws_eks_cluster.cluster.endpoint
  cluster_ca_certificate = base64decode(data.aws_eks_cluster.cluster.certificate_authority[0].data)
  token                  = data.aws_eks_cluster_auth.cluster.token
}

module "boatyard" {
  source        = "../.."
  bundle        = { path = var.bundle }
  cluster       = { name = var.cluster_name }
  projects      = { flytesnacks = { domains = ["development", "production"] } }
  image_builder = var.image_builder
}

output "builder_repository" {
  description = "Repository for `make builder-image CLOUD=aws REPOSITORY=…`."
  value       = module.boatyard.builder_repository
}

output "caller_policy_arn" {
  description = "Attach it to roles that may build."
  value       = module.boatyard.caller_policy_arn
}

output "url" {
  description = "Endpoint for clients."
  value       = module.boatyard.url
}
