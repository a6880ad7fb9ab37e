# modules/settings types and checks the image builder's settings, for every cloud.

locals {
  # With types and defaults. var.image_builder has neither.
  image_builder = module.settings.image_builder
  # AKS's webhook gives an identity's token to pods with this label only.
  identity_label = { "azure.workload.identity/use" = "true" }
  labelled = merge(var.image_builder, merge([
    for runner in [local.runner] : {
      kubernetes = merge(
        try(var.image_builder.kubernetes, {}),
        { podLabels = merge(try(var.image_builder.kubernetes.podLabels, {}), local.identity_label) },
      )
    } if runner == "kubernetes"
  ]...))
}

module "settings" {
  source              = "../modules/settings"
  image_builder       = local.labelled
  given               = var.image_builder
  projects            = var.projects
  authentication_type = "azure"
  builder_image       = local.runner == "kubernetes" ? local.builder_image : null
  cache_repository    = local.cache_repository
  default_repository  = local.default_repository
  # A step of ACR Tasks has a Docker engine of its own, and pods a buildkitd.
  driver          = local.uses_acrtasks ? "buildx" : "buildctl"
  functions_build = local.inline_enabled
  # A registry makes a repository at its first push.
  repository_layout = null
}
