# The one configuration document: the functions read it from their environment, the cluster from the config map.

locals {
  # The function takes "one" for a default repository in ECR by itself; here it is written for who reads the config map.
  repository_layout = (
    var.image_builder.repositoryLayout != null
    ? var.image_builder.repositoryLayout
    : var.image_builder.defaultRepository == "" || local.default_repository_parts != null ? "one" : null
  )
  # Sections without their nulls; an absent name keeps the default of core/boatyard/settings.py.
  settings_sections = {
    for section in ["uv", "network", "cache", "output", "limits", "access", "kubernetes"] : section => {
      for key, value in var.image_builder[section] : key => value if value != null
    }
  }
  settings = merge(
    {
      for key in ["isolation", "platforms", "defaultPlatforms", "baseImages", "registryMirrors", "insecureRegistries"] :
      key => var.image_builder[key] if var.image_builder[key] != null
    },
    { for layout in local.repository_layout[*] : "repositoryLayout" => layout },
    { for section, values in local.settings_sections : section => values if length(values) > 0 },
    {
      enabled             = var.image_builder.enabled
      targetConfigMapName = var.image_builder.targetConfigMapName
      buildkitUri         = var.image_builder.buildkitUri
      defaultRepository   = local.default_repository
      authenticationType  = var.image_builder.authenticationType
      # CodeBuild's containers have a Docker engine, pods a buildkitd.
      buildkit = merge(
        {
          enabled = var.image_builder.buildkit.enabled
          driver  = coalesce(var.image_builder.buildkit.driver, local.runner == "codebuild" ? "buildx" : "buildctl")
        },
        { for frontend in var.image_builder.buildkit.dockerfileFrontend[*] : "dockerfileFrontend" => frontend },
      )
      cache = merge(local.settings_sections.cache, { repository = local.cache_repository })
      # No project beyond those that have a namespace or a secret prefix.
      access = merge({ projects = sort(keys(local.scopes)) }, local.settings_sections.access)
      kubernetes = merge(
        local.settings_sections.kubernetes,
        { namespaces = sort(values(local.namespaces)) },
        { for image in local.builder_image[*] : "builderImage" => image },
      )
    },
  )
  settings_json = jsonencode(local.settings)
}
