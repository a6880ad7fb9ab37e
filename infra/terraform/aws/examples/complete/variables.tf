variable "bundle" {
  description = "What `make bundle CLOUD=aws` made."
  type        = string
  default     = "../../../../../.boatyard/bundles/aws.zip"
}

variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "boatyard"
}

variable "public_access_cidrs" {
  description = "Who reaches the cluster's endpoint over the internet: whoever applies this. The function comes from inside."
  type        = list(string)
  default     = []
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

variable "zones" {
  description = "Letters of two zones or more. Named, so that a zone that AWS adds moves no subnet."
  type        = list(string)
  default     = ["a", "b"]
  validation {
    condition     = length(var.zones) >= 2
    error_message = "EKS asks for two zones."
  }
}
