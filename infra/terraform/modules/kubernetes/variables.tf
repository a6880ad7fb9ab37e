variable "buildkitd" {
  description = "The buildkitd that is made here; null makes none. Settings have the same values: kubernetes.replicas, buildkitNamespace, …"
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
    error_message = "buildkitd.replicas is one or more."
  }
}

variable "config_map" {
  description = "The settings, as every namespace that builds gets them."
  type = object({
    name = string
    data = map(string)
  })
  nullable = false
}

variable "create_namespaces" {
  description = "Whether the namespaces are made here. False: they are there already."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_service_accounts" {
  description = "Whether the service accounts are made here. False: they are there already, with the annotations that the cloud wants."
  type        = bool
  default     = true
  nullable    = false
}

variable "function_subject" {
  description = "Who the function is to the cluster: the group or user that the cloud's identity arrives as."
  type = object({
    kind = string
    name = string
  })
  nullable = false
  validation {
    condition     = contains(["Group", "User"], var.function_subject.kind)
    error_message = "function_subject.kind is Group or User."
  }
}

variable "image_pull_secrets" {
  description = "Secrets of each namespace that pull the builder's image."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "name" {
  description = "Name of the deployment, for the names in certificates."
  type        = string
  nullable    = false
}

variable "namespaces" {
  description = "Namespaces that build, and the annotations of their service account."
  type = map(object({
    service_account_annotations = optional(map(string), {})
  }))
  nullable = false
}

variable "pod_security" {
  description = "Pod Security level of the namespaces that are made here: restricted, or privileged where each build brings its own rootless buildkitd."
  type        = string
  default     = "restricted"
  nullable    = false
  validation {
    condition     = contains(["restricted", "privileged"], var.pod_security)
    error_message = "pod_security is restricted or privileged."
  }
}

variable "service_account" {
  description = "Service account of the builds, in each namespace."
  type        = string
  nullable    = false
}
