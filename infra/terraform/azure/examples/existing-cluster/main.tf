# Builds run in an existing cluster, with a managed buildkitd that keeps its caches. The cluster has Entra ID, Kubernetes RBAC, the
# OIDC issuer and workload identity (`az aks update --enable-oidc-issuer --enable-workload-identity`).

terraform {
  required_version = ">= 1.9"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.55, < 5.0"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = ">= 2.38"
    }
  }
}

variable "application_client_id" {
  description = "Client id of the app registration that docs/deploy-azure.md makes."
  type        = string
}

variable "bundle" {
  description = "The function's bundle, from `make bundle CLOUD=azure`."
  type        = string
  default     = "../../../../../.boatyard/bundles/azure.zip"
}

variable "caller_principals" {
  description = "Object ids of who may build."
  type        = set(string)
  default     = []
}

variable "cluster_name" {
  description = "The AKS cluster."
  type        = string
}

variable "cluster_resource_group" {
  description = "Resource group of the cluster."
  type        = string
}

variable "image_builder" {
  description = "Settings of the image builder: docs/configuration.md."
  type        = any
  default     = {}
}

variable "location" {
  description = "Azure region."
  type        = string
  default     = "westeurope"
}

variable "resource_group" {
  description = "Resource group of Boatyard, which has to exist."
  type        = string
}

variable "subscription_id" {
  description = "Azure subscription."
  type        = string
}

provider "azurerm" {
  subscription_id = var.subscription_id
  # The storage accounts have no shared keys.
  storage_use_azuread = true
  features {}
}

data "azurerm_kubernetes_cluster" "cluster" {
  name                = var.cluster_name
  resource_group_name = var.cluster_resource_group
}

# As the account that applies this; kubelogin asks Entra ID for the token (`az aks install-cli`). The id is that of every AKS cluster's
# server application.
provider "kubernetes" {
  host                   = data.azurerm_kubernetes_cluster.cluster.kube_config[0].host
  cluster_ca_certificate = base64decode(data.azurerm_kubernetes_cluster.cluster.kube_config[0].cluster_ca_certificate)
  exec {
    api_version = "client.authentication.k8s.io/v1beta1"
    command     = "kubelogin"
    args        = ["get-token", "--login", "azurecli", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630"]
  }
}

module "boatyard" {
  source            = "../.."
  subscription_id   = var.subscription_id
  resource_group    = var.resource_group
  location          = var.location
  bundle            = { path = var.bundle }
  application       = { client_id = var.application_client_id }
  caller_principals = var.caller_principals
  cluster = {
    id                 = data.azurerm_kubernetes_cluster.cluster.id
    oidc_issuer_url    = data.azurerm_kubernetes_cluster.cluster.oidc_issuer_url
    kubelet_principals = { nodes = data.azurerm_kubernetes_cluster.cluster.kubelet_identity[0].object_id }
  }
  projects      = { flytesnacks = { domains = ["development", "production"] } }
  image_builder = var.image_builder
}

output "builder_repository" {
  description = "Repository for `make builder-image CLOUD=azure REPOSITORY=…`."
  value       = module.boatyard.builder_repository
}

output "publish_command" {
  description = "Publishes the bundle to the app."
  value       = module.boatyard.publish_command
}

output "token_scope" {
  description = "Scope of callers' tokens."
  value       = module.boatyard.token_scope
}

output "url" {
  description = "Endpoint for clients."
  value       = module.boatyard.url
}
