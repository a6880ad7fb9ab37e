# Where this is: nothing below spells an account, a region or a partition.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id
  # Without a cluster CodeBuild runs the builds.
  runner = var.cluster == null ? "codebuild" : "kubernetes"
  # "project/domain" => its parts; the key is what access rules and secret names are made of.
  scopes = merge([
    for project, config in var.projects : {
      for domain in config.domains : "${project}/${domain}" => { project = project, domain = domain }
    }
  ]...)
}
