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

variable "name" {
  description = "Name of the deployment, for labels."
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

variable "service_account" {
  description = "Service account of the builds, in each namespace."
  type        = string
  nullable    = false
}
