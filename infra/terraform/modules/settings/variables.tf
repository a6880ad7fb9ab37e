variable "authentication_type" {
  description = "How builds sign in to the registry if image_builder.authenticationType is null: the cloud's way."
  type        = string
  nullable    = false
}

variable "builder_image" {
  description = "Image that a cluster's jobs run; null without a cluster."
  type        = string
  default     = null
}

variable "cache_repository" {
  description = "Repository of the build cache; empty for none."
  type        = string
  nullable    = false
}

variable "default_repository" {
  description = "Repository of images whose spec names no registry: image_builder.defaultRepository, or the one that the root creates."
  type        = string
  nullable    = false
}

variable "driver" {
  description = "How builds reach BuildKit if image_builder.buildkit.driver is null: buildctl in pods, buildx with a Docker engine."
  type        = string
  nullable    = false
}

variable "functions_build" {
  description = "Whether a function makes images itself, which it does from layers of the registry."
  type        = bool
  default     = false
  nullable    = false
}

variable "given" {
  description = "The value of image_builder again. Terraform silently drops attributes that an object type does not have; this copy still has them, so that they are refused."
  type        = any
  nullable    = false
  # The type reports a word in place of a number too, but without its path.
  validation {
    condition = alltrue([
      for number in concat(
        try(values(var.given.limits), []),
        [for name in ["replicas", "startSeconds", "ttlSeconds"] : try(var.given.kubernetes[name], null)],
        [try(var.given.output.compressionLevel, null)],
      ) : number == null || try(floor(number) == tonumber(number) && number >= 0, false)
    ])
    error_message = "These must be whole numbers of at least 0: all of image_builder.limits (here ${try(jsonencode(var.given.limits), "{}")}), image_builder.kubernetes.replicas, startSeconds and ttlSeconds, and image_builder.output.compressionLevel."
  }
}

variable "image_builder" {
  description = <<-EOT
    The image builder's settings, under the names that docs/configuration.md explains; Union's Helm values come first. A null
    keeps the default of core/boatyard/settings.py or of the root. On a cluster, buildkitUri names an existing buildkitd;
    without it buildkit.enabled creates one; otherwise every build starts its own. With kubernetes.runBuildkit = false the cluster
    runs none: every pod is restricted, and what needs BuildKit is refused.
  EOT
  type = object({
    enabled             = optional(bool, true)
    isolation           = optional(string)
    targetConfigMapName = optional(string, "build-image-config")
    buildkitUri         = optional(string, "")
    defaultRepository   = optional(string, "")
    repositoryLayout    = optional(string)
    authenticationType  = optional(string)
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
    layers       = optional(string)
    trustedBases = optional(list(string))
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
      runBuildkit             = optional(bool, true)
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
  nullable = false
  validation {
    condition     = var.image_builder.buildkitUri == "" || can(regex("^(tcp|unix)://", var.image_builder.buildkitUri))
    error_message = "image_builder.buildkitUri must begin with tcp:// or unix://."
  }
  validation {
    condition     = !can(regex("(:[^/]*|@.*)$", var.image_builder.defaultRepository)) && !startswith(var.image_builder.defaultRepository, "http")
    error_message = "image_builder.defaultRepository must be a repository without scheme, tag and digest."
  }
}

variable "projects" {
  description = "Projects that may build, and their domains. On a cluster each pair is a namespace."
  type = map(object({
    domains = list(string)
  }))
  nullable = false
  validation {
    condition     = length(var.projects) > 0 && alltrue([for project in values(var.projects) : length(project.domains) > 0])
    error_message = "projects needs at least one project, and each project at least one domain."
  }
  validation {
    condition = alltrue(flatten([
      for project, config in var.projects : [
        for domain in config.domains : can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "${project}-${domain}")) && length("${project}-${domain}") <= 63
      ]
    ]))
    error_message = "<project>-<domain> must be a valid Kubernetes namespace: at most 63 lower-case letters, digits and hyphens."
  }
}

variable "repository_layout" {
  description = "Layout of the default repository if image_builder.repositoryLayout is null. Null lets the function decide."
  type        = string
  default     = null
}
