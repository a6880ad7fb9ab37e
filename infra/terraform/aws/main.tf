# Account, region and partition come from the provider; no file contains them.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id
  # Without a cluster CodeBuild runs the builds.
  runner = var.cluster == null ? "codebuild" : "kubernetes"
}
