variable "image_builder" {
  description = <<-EOT
    The image builder's settings under their own names, those of Union's Helm values first; docs/configuration.md explains each.
    What is null keeps Boatyard's default. An empty defaultRepository takes the repository that is made here, an empty
    buildkitUri the buildkitd that is made here if buildkit.enabled and there is a cluster.
  EOT
  type = object({
    enabled             = optional(bool, true)
    targetConfigMapName = optional(string, "build-image-config")
    buildkitUri         = optional(string, "")
    defaultRepository   = optional(string, "")
    authenticationType  = optional(string, "aws")
    buildkit = optional(object({
      enabled = optional(bool, true)
    }), {})
    platforms          = optional(list(string))
    defaultPlatforms   = optional(list(string))
    baseImages         = optional(list(object({ match = string, image = string })))
    registryMirrors    = optional(map(string))
    insecureRegistries = optional(list(string))
    uv = optional(object({
      image = optional(string)
    }), {})
    network = optional(object({
      caBundle       = optional(string)
      indexUrl       = optional(string)
      extraIndexUrls = optional(list(string))
      httpProxy      = optional(string)
      httpsProxy     = optional(string)
      noProxy        = optional(string)
      mode           = optional(string)
    }), {})
    cache = optional(object({
      repository = optional(string)
      mode       = optional(string)
    }), {})
    output = optional(object({
      compression      = optional(string)
      compressionLevel = optional(number)
      provenance       = optional(string)
      sbom             = optional(bool)
      reproducible     = optional(bool)
    }), {})
    limits = optional(object({
      concurrentBuilds    = optional(number)
      queuedBuilds        = optional(number)
      buildTimeoutSeconds = optional(number)
      contextBytes        = optional(number)
      contextEntries      = optional(number)
      unpackedBytes       = optional(number)
      requestBytes        = optional(number)
      layers              = optional(number)
      logTailLines        = optional(number)
      failureHoldSeconds  = optional(number)
      diskBytes           = optional(number)
    }), {})
    access = optional(object({
      projects   = optional(list(string))
      registries = optional(list(string))
    }), {})
  })
  default  = {}
  nullable = false
  validation {
    condition     = contains(["noop", "google", "aws", "azure", "basic"], var.image_builder.authenticationType)
    error_message = "image_builder.authenticationType is noop, google, aws, azure or basic."
  }
  validation {
    condition     = var.image_builder.buildkitUri == "" || can(regex("^(tcp|unix)://", var.image_builder.buildkitUri))
    error_message = "image_builder.buildkitUri begins with tcp:// or unix://."
  }
  validation {
    condition     = !can(regex("(:[^/]*|@.*)$", var.image_builder.defaultRepository)) && !startswith(var.image_builder.defaultRepository, "http")
    error_message = "image_builder.defaultRepository is a repository without scheme, tag and digest."
  }
}
