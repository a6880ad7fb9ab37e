# The smallest deployment: the function for events makes images of packages, files and settings itself. Nothing builds in Cloud
# Build but the functions' own images, so what runs a command (apt, commands, a Dockerfile) is refused.

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
  inline         = {}
  projects       = { flytesnacks = { domains = ["development"] } }
}

output "url" {
  description = "Endpoint for clients."
  value       = module.boatyard.url
}
