variable "bundle" {
  description = "The functions' bundle, from `make bundle CLOUD=aws`."
  type        = string
  default     = "../../../../../.boatyard/bundles/aws.zip"
}

variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "boatyard"
}

variable "public_access_cidrs" {
  description = "CIDR blocks that reach the cluster's endpoint over the internet: those from which you apply. The function is inside the network."
  type        = list(string)
  default     = []
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

variable "zones" {
  description = "Letters of two or more zones. Listed explicitly, so that a new zone moves no subnet."
  type        = list(string)
  default     = ["a", "b"]
  validation {
    condition     = length(var.zones) >= 2
    error_message = "EKS needs two zones."
  }
}
