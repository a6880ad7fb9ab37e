# Account, region and partition come from the provider; no file contains them.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id
  # Without a cluster CodeBuild runs the builds, unless the function for events does.
  runner         = var.inline != null ? "inline" : var.cluster == null ? "codebuild" : "kubernetes"
  uses_codebuild = local.runner == "codebuild" || try(var.inline.codebuild, false)
}
