# The smallest deployment: the function for events makes images of packages, files and settings itself. There is no cluster
# and no CodeBuild, so what runs a command (apt, commands, a Dockerfile) is refused.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

variable "bundle" {
  description = "The functions' bundle, from `make bundle CLOUD=aws`."
  type        = string
  default     = "../../../../../.boatyard/bundles/aws.zip"
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

provider "aws" {
  region = var.region
}

module "boatyard" {
  source   = "../.."
  bundle   = { path = var.bundle }
  inline   = {}
  projects = { flytesnacks = { domains = ["development"] } }
}

output "caller_policy_arn" {
  description = "Attach it to roles that may build."
  value       = module.boatyard.caller_policy_arn
}

output "url" {
  description = "Endpoint for clients."
  value       = module.boatyard.url
}
