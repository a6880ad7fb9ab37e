variable "image_builder" {
  description = <<-EOT
    The image builder's settings under their own names, those of Union's Helm values first; docs/configuration.md explains each.
    What is null keeps Boatyard's default. An empty defaultRepository takes the repository that is made here. On a cluster
    buildkitUri names a buildkitd that is there already; else buildkit.enabled makes one; else each build brings its own.
  EOT
  type = object({
    enabled             = optional(bool, true)
    isolation           = optional(string)
    targetConfigMapName = optional(string, "build-image-config")
    buildkitUri         = optional(string, "")
    defaultRepository   = optional(string, "")
    repositoryLayout    = optional(string)
    authenticationType  = optional(string, "aws")
    buildkit = optional(object({
      enabled            = optional(bool, true)
      driver             = optional(string)
      dockerfileFrontend = optional(string)
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
      concurrentBuilds           = optional(number)
      concurrentBuildsPerProject = optional(number)
      queuedBuilds               = optional(number)
      queuedBuildsPerProject     = optional(number)
      buildTimeoutSeconds        = optional(number)
      contextBytes               = optional(number)
      contextStoreBytes          = optional(number)
      contextEntries             = optional(number)
      unpackedBytes              = optional(number)
      requestBytes               = optional(number)
      layers                     = optional(number)
      logTailLines               = optional(number)
      failureHoldSeconds         = optional(number)
      registryTimeoutSeconds     = optional(number)
      diskBytes                  = optional(number)
    }), {})
    access = optional(object({
      projects   = optional(list(string))
      registries = optional(list(string))
      pulls      = optional(list(string))
      callers    = optional(list(object({ match = string, projects = optional(list(string), []) })))
    }), {})
    kubernetes = optional(object({
      namespaceTemplate       = optional(string, "{project}-{domain}")
      serviceAccount          = optional(string, "boatyard-builder")
      builderImage            = optional(string)
      imagePullSecrets        = optional(list(string))
      requests                = optional(map(string))
      limits                  = optional(map(string))
      jobRequests             = optional(map(string))
      jobLimits               = optional(map(string))
      nodeSelector            = optional(map(string))
      tolerations             = optional(list(object({ key = optional(string, ""), operator = optional(string, "Equal"), value = optional(string, ""), effect = optional(string, "") })))
      podLabels               = optional(map(string))
      podAnnotations          = optional(map(string))
      ttlSeconds              = optional(number)
      startSeconds            = optional(number)
      buildkitNamespace       = optional(string, "boatyard-buildkit")
      buildkitImage           = optional(string, "docker.io/moby/buildkit:v0.29.0-rootless")
      replicas                = optional(number, 1)
      cacheSize               = optional(string, "50Gi")
      storageClass            = optional(string, "")
      clientCertificateSecret = optional(string, "")
      caConfigMap             = optional(string)
    }), {})
  })
  default  = {}
  nullable = false
  validation {
    condition     = contains(["noop", "google", "aws", "azure", "basic"], var.image_builder.authenticationType)
    error_message = "image_builder.authenticationType is noop, google, aws, azure or basic."
  }
  validation {
    condition     = contains(["project", "deployment"], coalesce(var.image_builder.isolation, "project"))
    error_message = "image_builder.isolation is project or deployment."
  }
  validation {
    condition     = contains(["one", "each"], coalesce(var.image_builder.repositoryLayout, "one"))
    error_message = "image_builder.repositoryLayout is one or each."
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
