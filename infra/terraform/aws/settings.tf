# modules/settings types and checks the image builder's settings, for every cloud.

locals {
  # The function uses "one" for ECR by default. It is stated for readers of the config map.
  in_ecr = local.image_builder.defaultRepository == "" || local.default_repository_parts != null
  # With types and defaults. var.image_builder has neither.
  image_builder = module.settings.image_builder
}

module "settings" {
  source              = "../modules/settings"
  image_builder       = var.image_builder
  given               = var.image_builder
  projects            = var.projects
  authentication_type = "aws"
  builder_image       = local.builder_image
  cache_repository    = local.cache_repository
  default_repository  = local.default_repository
  # CodeBuild's containers have a Docker engine, and pods a buildkitd.
  driver            = local.uses_codebuild ? "buildx" : "buildctl"
  functions_build   = local.inline_enabled
  repository_layout = local.in_ecr ? "one" : null
}
