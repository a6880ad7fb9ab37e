# The image builder's settings: modules/settings types and checks them, for every cloud.

locals {
  # The function takes "one" for a default repository in ECR by itself; it is written out for readers of the config map.
  in_ecr = local.image_builder.defaultRepository == "" || local.default_repository_parts != null
  # With the defaults of its type; var.image_builder is whatever was given.
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
  # CodeBuild's containers have a Docker engine, pods a buildkitd.
  driver            = local.runner == "codebuild" ? "buildx" : "buildctl"
  repository_layout = local.in_ecr ? "one" : null
}
