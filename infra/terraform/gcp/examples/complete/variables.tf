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

variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "boatyard"
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
