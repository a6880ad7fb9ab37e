variable "buildkitd" {
  description = "The managed buildkitd; null creates none. modules/settings derives it from the settings."
  type = object({
    namespace                 = string
    image                     = string
    replicas                  = number
    cache_size                = string
    client_certificate_secret = string
    ca_config_map             = optional(string, "")
    host_network              = optional(bool, false)
    insecure_registries       = optional(list(string), [])
    registry_mirrors          = optional(map(string), {})
    storage_class             = optional(string)
    requests                  = optional(map(string), { cpu = "1", memory = "2Gi" })
    limits                    = optional(map(string), { memory = "8Gi" })
    node_selector             = optional(map(string), {})
    tolerations = optional(list(object({
      key      = optional(string)
      operator = optional(string, "Equal")
      value    = optional(string)
      effect   = optional(string)
    })), [])
  })
  default = null
  validation {
    condition     = try(var.buildkitd.replicas, 1) >= 1
    error_message = "buildkitd.replicas must be at least 1."
  }
}

variable "config_map" {
  description = "ConfigMap with the settings, created in every namespace that builds."
  type = object({
    name = string
    data = map(string)
  })
  nullable = false
}

variable "create_namespaces" {
  description = "Create the namespaces. False if they exist."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_service_accounts" {
  description = "Create the service accounts. False if they exist, with the annotations that the cloud needs."
  type        = bool
  default     = true
  nullable    = false
}

variable "function_subjects" {
  description = "The groups or users as which the functions authenticate to the cluster."
  type = list(object({
    kind = string
    name = string
  }))
  nullable = false
  validation {
    condition     = length(var.function_subjects) > 0 && alltrue([for subject in var.function_subjects : contains(["Group", "User"], subject.kind)])
    error_message = "function_subjects must have one or more, each of kind Group or User."
  }
}

variable "image_pull_secrets" {
  description = "Secrets in each namespace for pulling the builder image."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "name" {
  description = "Name of the deployment; it is part of the certificates' names."
  type        = string
  nullable    = false
}

variable "namespaces" {
  description = "Namespaces that build, with the annotations of their service accounts."
  type = map(object({
    service_account_annotations = optional(map(string), {})
  }))
  nullable = false
}

variable "pod_security" {
  description = "Pod Security level of the created namespaces: restricted, or privileged if every build starts its own rootless buildkitd."
  type        = string
  default     = "restricted"
  nullable    = false
  validation {
    condition     = contains(["restricted", "privileged"], var.pod_security)
    error_message = "pod_security must be restricted or privileged."
  }
}

variable "service_account" {
  description = "Service account of the builds in each namespace."
  type        = string
  nullable    = false
}
