# Repositories for images (immutable tags), for the build cache (one tag that every build overwrites), for the builder image, and
# for the images that Cloud Functions builds from the bundle.

locals {
  images_name = coalesce(var.repository.name, var.name)
  repositories = {
    for key, repository in {
      images = {
        create    = local.image_builder.defaultRepository == ""
        name      = local.images_name
        immutable = var.repository.tag_mutability == "IMMUTABLE"
        days      = { UNTAGGED = var.repository.untagged_days, ANY = null }
      }
      cache = {
        create    = var.repository.cache.create
        name      = coalesce(var.repository.cache.name, "${local.images_name}-cache")
        immutable = false
        days      = { UNTAGGED = 1, ANY = var.repository.cache.days }
      }
      builder = {
        create    = local.keeps_builder_image
        name      = "${local.images_name}-builder"
        immutable = true
        days      = { UNTAGGED = var.repository.untagged_days, ANY = null }
      }
      functions = {
        create    = true
        name      = "${local.images_name}-functions"
        immutable = false
        days      = { UNTAGGED = var.repository.untagged_days, ANY = null }
      }
    } : key => repository if repository.create
  }
  # Where one repository holds all images, their tags begin with their names, and none expires by a tag's beginning.
  layers_beside_images = (
    var.repository.layer_days != null && !var.repository.cache.create &&
    try(coalesce(local.image_builder.cache.repository), "") == "" && try(coalesce(local.image_builder.repositoryLayout), "each") == "each"
  )
  # From names, not from the resources: the settings know them before an apply.
  repository_urls = {
    for key in ["images", "cache", "builder"] : key => "${local.region}-docker.pkg.dev/${local.project}/${ {
      images  = local.images_name
      cache   = coalesce(var.repository.cache.name, "${local.images_name}-cache")
      builder = "${local.images_name}-builder"
    }[key]}"
  }
  default_repository = local.image_builder.defaultRepository != "" ? local.image_builder.defaultRepository : local.repository_urls["images"]
  cache_repository = (
    var.repository.cache.create
    ? "${local.repository_urls["cache"]}/cache"
    : try(coalesce(local.image_builder.cache.repository), "")
  )
  # <location>-docker.pkg.dev/<project>/<repository>, of any project and location; null for other registries
  default_repository_parts = try(
    regex("^(?P<location>[a-z0-9-]+)-docker\\.pkg\\.dev/(?P<project>[^/]+)/(?P<name>[^/]+)(?:/|$)", local.image_builder.defaultRepository),
    null
  )
  # Repositories that are not created here, and that builds push to.
  push_names = distinct(concat(
    [for parts in local.default_repository_parts[*] : "projects/${parts.project}/locations/${parts.location}/repositories/${parts.name}"],
    var.repository.push_names,
  ))
}

resource "google_artifact_registry_repository" "repository" {
  #checkov:skip=CKV_GCP_84:Encrypted by Google's own key; an owner's key needs grants to Google's accounts.
  for_each      = local.repositories
  project       = local.project
  location      = local.region
  repository_id = each.value.name
  description   = "Boatyard ${var.name}: ${each.key}"
  format        = "DOCKER"
  labels        = var.labels
  kms_key_name  = local.kms_key
  docker_config {
    immutable_tags = each.value.immutable
  }
  dynamic "cleanup_policies" {
    for_each = { for state, days in each.value.days : state => days if days != null }
    content {
      id     = lower(cleanup_policies.key)
      action = "DELETE"
      condition {
        tag_state  = cleanup_policies.key
        older_than = "${cleanup_policies.value * 86400}s"
      }
    }
  }
  dynamic "cleanup_policies" {
    for_each = each.key == "images" && local.layers_beside_images ? [var.repository.layer_days] : []
    content {
      id     = "layers"
      action = "DELETE"
      condition {
        tag_state    = "TAGGED"
        tag_prefixes = ["prefix-", "wheels-", "facts-"]
        older_than   = "${cleanup_policies.value * 86400}s"
      }
    }
  }
  depends_on = [google_kms_crypto_key_iam_member.agent]
}
