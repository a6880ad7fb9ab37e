# Builds run in an existing cluster, with a managed buildkitd that keeps its caches. The cluster has Workload Identity and a DNS
# endpoint that is open to IAM (`gcloud container clusters update --enable-dns-access`).

terraform {
  required_version = ">= 1.9"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8.0"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = ">= 2.38"
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

variable "cluster_location" {
  description = "Region or zone of the cluster."
  type        = string
}

variable "cluster_name" {
  description = "The GKE cluster."
  type        = string
}

variable "image_builder" {
  description = "Settings of the image builder: docs/configuration.md."
  type        = any
  default     = {}
}

variable "node_account" {
  description = "E-mail of the service account of the cluster's nodes."
  type        = string
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

data "google_client_config" "current" {}

data "google_container_cluster" "cluster" {
  name     = var.cluster_name
  location = var.cluster_location
}

provider "kubernetes" {
  host  = "https://${data.google_container_cluster.cluster.control_plane_endpoints_config[0].dns_endpoint_config[0].endpoint}"
  token = data.google_client_config.current.access_token
}

module "boatyard" {
  source         = "../.."
  project        = var.project
  region         = var.region
  bundle         = { path = var.bundle }
  caller_members = var.caller_members
  cluster = {
    name          = var.cluster_name
    location      = var.cluster_location
    node_accounts = { nodes = var.node_account }
  }
  projects      = { flytesnacks = { domains = ["development", "production"] } }
  image_builder = var.image_builder
}

output "builder_repository" {
  description = "Repository for `make builder-image CLOUD=gcp REPOSITORY=…`."
  value       = module.boatyard.builder_repository
}

output "url" {
  description = "Endpoint for clients."
  value       = module.boatyard.url
}
