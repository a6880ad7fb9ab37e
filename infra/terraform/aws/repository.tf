# Repositories for images (immutable tags), for the build cache (one tag that every build overwrites) and, on a cluster, for
# the builder image.

locals {
  repositories = {
    for key, repository in {
      images = {
        create     = local.image_builder.defaultRepository == ""
        name       = coalesce(var.repository.name, var.name)
        mutability = var.repository.tag_mutability
        days       = { untagged = var.repository.untagged_days, any = null }
      }
      cache = {
        create     = var.repository.cache.create
        name       = coalesce(var.repository.cache.name, "${coalesce(var.repository.name, var.name)}-cache")
        mutability = "MUTABLE"
        days       = { untagged = 1, any = var.repository.cache.days }
      }
      builder = {
        create     = local.keeps_builder_image
        name       = "${coalesce(var.repository.name, var.name)}-builder"
        mutability = "IMMUTABLE"
        days       = { untagged = var.repository.untagged_days, any = null }
      }
    } : key => repository if repository.create
  }
  # Layers for later builds are beside the images only if no repository has a cache. An image's tag begins with its name, which may
  # begin with such a word and then has a second hyphen: ECR expires nothing that a rule of higher priority matches.
  layers_beside_images = (
    var.repository.layer_days != null && !var.repository.cache.create && try(coalesce(local.image_builder.cache.repository), "") == ""
  )
  layer_rules = !local.layers_beside_images ? [] : concat(
    [for kind in ["prefix", "wheels", "facts"] : { pattern = "${kind}-*-*", days = 36500 }],
    [for kind in ["prefix", "wheels", "facts"] : { pattern = "${kind}-*", days = var.repository.layer_days }],
  )
  default_repository = (
    local.image_builder.defaultRepository != ""
    ? local.image_builder.defaultRepository
    : aws_ecr_repository.repository["images"].repository_url
  )
  cache_repository = (
    var.repository.cache.create
    ? aws_ecr_repository.repository["cache"].repository_url
    : try(coalesce(local.image_builder.cache.repository), "")
  )
  # <account>.dkr.ecr.<region>.<suffix>/<name>, of any account and region; null for other registries
  default_repository_parts = try(
    regex("^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.[^/]+/(?P<name>.+)$", local.image_builder.defaultRepository),
    null
  )
  # The repositories that builds push to. Permissions name only these.
  push_repository_arns = concat(
    [for key in ["images", "cache"] : aws_ecr_repository.repository[key].arn if contains(keys(local.repositories), key)],
    local.default_repository_parts == null ? [] : [format(
      "arn:%s:ecr:%s:%s:repository/%s", local.partition,
      local.default_repository_parts.region, local.default_repository_parts.account, local.default_repository_parts.name
    )],
    var.repository.push_arns,
  )
  pull_repository_arns = concat(local.push_repository_arns, var.repository.base_arns)
}

resource "aws_ecr_repository" "repository" {
  #checkov:skip=CKV_AWS_51:The images' tags are immutable; a build cache's tag is overwritten by every build.
  #checkov:skip=CKV_AWS_136:AES-256 by default; var.encryption takes or makes a customer-managed key.
  for_each             = local.repositories
  name                 = each.value.name
  image_tag_mutability = each.value.mutability
  force_delete         = var.repository.force_delete
  tags                 = var.tags
  image_scanning_configuration {
    scan_on_push = true
  }
  encryption_configuration {
    encryption_type = local.kms_key_arn == null ? "AES256" : "KMS"
    kms_key         = local.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "repository" {
  for_each   = local.repositories
  repository = aws_ecr_repository.repository[each.key].name
  policy = jsonencode({
    rules = concat(
      [
        for priority, rule in local.layer_rules : {
          rulePriority = priority + 1
          description  = "${rule.pattern} ${each.key}"
          action       = { type = "expire" }
          selection = {
            tagStatus = "tagged", tagPatternList = [rule.pattern], countType = "sinceImagePushed", countUnit = "days", countNumber = rule.days
          }
        } if each.key == "images"
      ],
      [
        for priority, status in ["untagged", "any"] : {
          rulePriority = priority + 1 + (each.key == "images" ? length(local.layer_rules) : 0)
          description  = "${status} ${each.key}"
          action       = { type = "expire" }
          selection    = { tagStatus = status, countType = "sinceImagePushed", countUnit = "days", countNumber = each.value.days[status] }
        } if each.value.days[status] != null
      ],
    )
  })
}
