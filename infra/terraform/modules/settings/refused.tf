# Mistakes that an object type does not catch: unknown names, and wrong words. Functions refuse them too, but only when they
# start.

locals {
  # Settings that are one of a few words, as in core/boatyard/settings.py.
  choices = {
    "authenticationType"          = ["noop", "google", "aws", "azure", "basic"]
    "buildkit.dockerfileFrontend" = ["image", "builtin"]
    "buildkit.driver"             = ["buildx", "buildctl"]
    "cache.mode"                  = ["min", "max"]
    "isolation"                   = ["project", "deployment"]
    "layers"                      = ["registry", "builder"]
    "network.mode"                = ["default", "host", "none"]
    "output.compression"          = ["zstd", "gzip", "uncompressed"]
    "output.provenance"           = ["off", "min", "max"]
    "repositoryLayout"            = ["one", "each"]
  }
  chosen = {
    for name in keys(local.choices) :
    name => try(var.image_builder[split(".", name)[0]][split(".", name)[1]], var.image_builder[name])
  }
  not_chosen = [
    for name, words in local.choices : "image_builder.${name} must be one of ${join(", ", words)}."
    if local.chosen[name] != null && !contains(words, coalesce(local.chosen[name], words[0]))
  ]
  # What only BuildKit does for a whole image. A function has none, nor has a cluster that may not run it.
  lacks_buildkit = var.functions_build ? "`inline`" : local.topology == "none" ? "kubernetes.runBuildkit = false" : null
  needs_buildkit = local.lacks_buildkit == null ? [] : concat(
    coalesce(var.image_builder.layers, "registry") == "registry" ? [] : [
      "image_builder.layers must be registry, or absent, with ${local.lacks_buildkit}: images are made of layers there, and there is no BuildKit for a whole one."
    ],
    coalesce(var.image_builder.output.provenance, "off") == "off" && !coalesce(var.image_builder.output.sbom, false) ? [] : [
      "image_builder.output.provenance and sbom describe what BuildKit builds, so they cannot be had with ${local.lacks_buildkit}: remove them, or let a builder with BuildKit build."
    ],
  )
}

# Names that the type lacks: of settings, in sections, and in the objects of lists. A converted object has every attribute of
# its type, and a converted map every key that it was given, so what is missing after the conversion is unknown.
locals {
  unknown_names = setsubtract(keys(var.given), keys(var.image_builder))
  known         = { for name, value in var.given : name => value if !contains(local.unknown_names, name) }
  unknown = sort(concat(
    tolist(local.unknown_names),
    flatten([
      for section, values in local.known : [
        for name in setsubtract(try(keys(values), []), try(keys(var.image_builder[section]), [])) : "${section}.${name}"
      ]
    ]),
    flatten([
      for list, items in local.known : try([
        for place, item in items : [
          for name in setsubtract(try(keys(item), []), try(keys(var.image_builder[list][place]), [])) : "${list}[${place}].${name}"
        ] if can(items[0])
      ], [])
    ]),
    flatten([
      for section, values in local.known : try([
        for list, items in values : try([
          for place, item in items : [
            for name in setsubtract(try(keys(item), []), try(keys(var.image_builder[section][list][place]), [])) : "${section}.${list}[${place}].${name}"
          ] if can(items[0])
        ], [])
      ], [])
    ]),
  ))
}
