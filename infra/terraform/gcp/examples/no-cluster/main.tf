# The minimum: builds run in Cloud Build, in the builder image with an engine. Without builds it costs almost nothing.

terraform {
  required_version = ">= 1.9"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8.0"
    }
  }
}

variable "bundle" {
  description = "The functions' bundle, from `make bundle CLOUD=gcp`."
  type        = string
  default     = "../../../../../.boatyard/bundles/gcp.zip"
}

variable "caller_members" {
  description = "Who may build: `user:…`, `group:…` or `serviceAccount:…`."
  type        = set(string)
  default     = []
}

variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Google Cloud region."
  type        = string
  default     = "europe-west1"
}

provider "google" {
  project = var.project
  region  = var.region
}

module "boatyard" {
  source         = "../.."
  project        = var.project
  region         = var.region
  bundle         = { path = var.bundle }
  caller_members = var.caller_members
  projects       = { flytesnacks = { domains = ["development"] } }
}

output "builder_repository" {
  description = "Repository for `make builder-image CLOUD=gcp IMAGE_OPTIONS=--engine REPOSITORY=…`."
  value       = module.boatyard.builder_repository
}

output "url" {
  description = "Endpoint for clients."
  value       = module.boatyard.url
}
