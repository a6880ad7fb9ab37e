# The smallest deployment: the function makes images of packages, files and settings itself. Nothing builds in ACR Tasks, whose one
# task removes old layers each night; so what runs a command (apt, commands, a Dockerfile) is refused.

terraform {
  required_version = ">= 1.9"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.55, < 5.0"
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

variable "location" {
  description = "Azure region."
  type        = string
  default     = "westeurope"
}

variable "resource_group" {
  description = "Resource group, which has to exist."
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

module "boatyard" {
  source            = "../.."
  subscription_id   = var.subscription_id
  resource_group    = var.resource_group
  location          = var.location
  bundle            = { path = var.bundle }
  application       = { client_id = var.application_client_id }
  caller_principals = var.caller_principals
  inline            = {}
  projects          = { flytesnacks = { domains = ["development"] } }
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
