variable "admin_groups" {
  description = "Object ids of the groups of Entra ID that administrate the cluster; the account that applies this is in one."
  type        = list(string)
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

variable "golden_registry" {
  description = "Resource id of the registry with base images."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
  default     = "westeurope"
}

variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "boatyard"
}

variable "shared_registry" {
  description = "Resource id of a registry, perhaps of another subscription, that a spec's `registry` may name."
  type        = string
}

variable "subscription_id" {
  description = "Azure subscription."
  type        = string
}
