# modules/settings types and checks the image builder's settings, for every cloud.

locals {
  # With types and defaults. var.image_builder has neither.
  image_builder = module.settings.image_builder
}

module "settings" {
  source              = "../modules/settings"
  image_builder       = var.image_builder
  given               = var.image_builder
  projects            = var.projects
  authentication_type = "google"
  builder_image       = local.runner == "kubernetes" ? local.builder_image : null
  cache_repository    = local.cache_repository
  default_repository  = local.default_repository
  # Cloud Build's step starts a Docker engine; pods use a buildkitd.
  driver          = local.uses_cloudbuild ? "buildx" : "buildctl"
  functions_build = local.inline_enabled
  # An image of Artifact Registry has a name below the repository.
  repository_layout = null
}
