# The least: builds run in CodeBuild. Nothing costs while nothing builds. What runs inside a build (boatyard-aws,
# boatyard-buildkit and Docker's buildx) comes in an image of yours, or as an archive into CodeBuild's own image.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

variable "builder" {
  description = "What runs inside a build: `image` that has it, or `bundle`, a zip archive of it for CodeBuild's own image."
  type = object({
    bundle = optional(string)
    image  = optional(string)
  })
  default = {}
}

variable "bundle" {
  description = "What `make bundle CLOUD=aws` made."
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
  source    = "../.."
  bundle    = { path = var.bundle }
  codebuild = { for name, value in var.builder : name => value if value != null }
  projects  = { flytesnacks = { domains = ["development"] } }
}

output "caller_policy_arn" {
  description = "Attach it to whoever may build."
  value       = module.boatyard.caller_policy_arn
}

output "url" {
  description = "The endpoint that clients are given."
  value       = module.boatyard.url
}
