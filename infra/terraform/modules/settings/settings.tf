# The configuration document. Functions read it from their environment, clusters have it as a config map.

locals {
  # Sections without nulls: an absent setting has the default of core/boatyard/settings.py.
  sections = {
    for section in ["uv", "network", "cache", "output", "limits", "access", "kubernetes"] : section => {
      for key, value in var.image_builder[section] : key => value if value != null
    }
  }
  settings = merge(
    {
      for key in ["isolation", "platforms", "defaultPlatforms", "baseImages", "registryMirrors", "insecureRegistries", "trustedBases"] :
      key => var.image_builder[key] if var.image_builder[key] != null
    },
    { for maker in try([coalesce(var.image_builder.layers, local.lacks_buildkit == null ? null : "registry")], []) : "layers" => maker },
    { for layout in try([coalesce(var.image_builder.repositoryLayout, var.repository_layout)], []) : "repositoryLayout" => layout },
    { for section, values in local.sections : section => values if length(values) > 0 },
    {
      enabled             = var.image_builder.enabled
      targetConfigMapName = var.image_builder.targetConfigMapName
      buildkitUri         = var.image_builder.buildkitUri
      defaultRepository   = var.default_repository
      authenticationType  = coalesce(var.image_builder.authenticationType, var.authentication_type)
      buildkit = merge(
        { enabled = var.image_builder.buildkit.enabled, driver = local.driver },
        { for frontend in var.image_builder.buildkit.dockerfileFrontend[*] : "dockerfileFrontend" => frontend },
      )
      cache = merge(local.sections.cache, { repository = var.cache_repository })
      # Only projects that have a namespace or a prefix for secrets.
      access = merge({ projects = sort(keys(local.scopes)) }, local.sections.access)
      kubernetes = merge(
        local.sections.kubernetes,
        { namespaces = sort(values(local.namespaces)) },
        { for image in var.builder_image[*] : "builderImage" => image },
      )
    },
  )
}
