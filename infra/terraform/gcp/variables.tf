variable "anonymous" {
  description = "Opens the URL to everybody, without a token, and turns the checks of callers off. For a private network or a trial."
  type        = bool
  default     = false
  nullable    = false
}

variable "bucket" {
  description = "Bucket for contexts, build records and dropped specs. Days count from an object's creation. If the name is null, it consists of `name`, project and region."
  type = object({
    name          = optional(string)
    force_destroy = optional(bool, false)
    contexts_days = optional(number, 30)
    builds_days   = optional(number, 90)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.bucket.contexts_days >= 1 && var.bucket.builds_days >= 1
    error_message = "bucket.contexts_days and bucket.builds_days must be at least 1."
  }
}

variable "bundle" {
  description = "Zip archive of the functions, from `make bundle CLOUD=gcp`. The document beside it (gcp.json) names its runtime and the builder image."
  type = object({
    path = string
  })
  nullable = false
  validation {
    condition     = endswith(var.bundle.path, ".zip") && fileexists(var.bundle.path)
    error_message = "No zip archive at bundle.path: run `make bundle CLOUD=gcp` first."
  }
}

variable "caller_members" {
  description = "Who may call the URL: `user:…`, `group:…` or `serviceAccount:…`. The settings' access.callers then says what each may build."
  type        = set(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for member in var.caller_members : can(regex("^(user|group|serviceAccount|domain|principal|principalSet):.+$", member))])
    error_message = "caller_members must be user:…, group:…, serviceAccount:…, domain:…, principal:… or principalSet:…. For allUsers set anonymous; allAuthenticatedUsers is everybody with a Google account."
  }
}

variable "cloudbuild" {
  description = <<-EOT
    Cloud Build, used without a cluster. `image` defaults to the builder image with an engine that `make builder-image
    CLOUD=gcp IMAGE_OPTIONS=--engine` makes, and `location` to the region. `pool` is a private pool, which has a
    machine type of its own. Each build is one privileged step, which BuildKit needs.
  EOT
  type = object({
    image          = optional(string)
    location       = optional(string)
    pool           = optional(string)
    machine_type   = optional(string)
    disk_gb        = optional(number)
    queued_minutes = optional(number, 60)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.cloudbuild.pool == null || can(regex("^projects/[^/]+/locations/[^/]+/workerPools/[^/]+$", var.cloudbuild.pool))
    error_message = "cloudbuild.pool must be projects/<project>/locations/<location>/workerPools/<name>."
  }
  validation {
    condition     = var.cloudbuild.pool == null || var.cloudbuild.machine_type == null
    error_message = "A private pool has a machine type of its own: set cloudbuild.pool or cloudbuild.machine_type."
  }
  validation {
    condition     = var.cloudbuild.queued_minutes >= 1 && var.cloudbuild.queued_minutes <= 1440
    error_message = "cloudbuild.queued_minutes must be 1 to 1440."
  }
}

variable "cluster" {
  description = <<-EOT
    GKE cluster of this project that runs the builds; null uses Cloud Build. It needs Workload Identity, and the functions
    reach it by its DNS endpoint. `node_accounts`: e-mails of its nodes' service accounts, by names of your choice; they pull images.
    `namespaces` and `service_accounts`: whether to create them; false if they exist.
  EOT
  type = object({
    name             = string
    location         = string
    node_accounts    = optional(map(string), {})
    namespaces       = optional(bool, true)
    service_accounts = optional(bool, true)
  })
  default = null
}

variable "cross_project" {
  description = "`grant`: also grants the roles on repositories of other projects; the account that applies needs artifactregistry.repositories.setIamPolicy there. Otherwise the output `cross_project_grants` lists them."
  type = object({
    grant = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "encryption" {
  description = "Key of Cloud KMS, in the region of the deployment, for the buckets, topics, repositories and secrets: projects/<project>/locations/<region>/keyRings/<ring>/cryptoKeys/<key>. Google's service agents get the role on it. Without it, Google's own keys. Set it from the start: what exists keeps the key that it was made with."
  type = object({
    key_name = optional(string)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.encryption.key_name == null || can(regex("^projects/[^/]+/locations/${var.region}/keyRings/[^/]+/cryptoKeys/[^/]+$", var.encryption.key_name))
    error_message = "encryption.key_name must be projects/<project>/locations/${var.region}/keyRings/<ring>/cryptoKeys/<key>: a key of the deployment's region."
  }
}

variable "events" {
  description = "Events that start builds. `specs`: objects below specs/ in the bucket. `drift_schedule`: a cron schedule in UTC for the drift report, or null. Pushes to `repository.base_names` always start builds; `create_registry_topic` makes the project's topic `gcr`, where Artifact Registry publishes them: false if it exists. `publishers` may put orders on the topic. `attempts` is 5 by default and `concurrency` 2; with `inline` 20 and 10: as many builds run side by side, and a message that finds no instance free counts as an attempt."
  type = object({
    specs                 = optional(bool, true)
    drift_schedule        = optional(string)
    attempts              = optional(number)
    concurrency           = optional(number)
    create_registry_topic = optional(bool, true)
    publishers            = optional(set(string), [])
  })
  default  = {}
  nullable = false
  validation {
    condition     = can(regex("^\\S+( \\S+){4}$", coalesce(var.events.drift_schedule, "0 5 * * *")))
    error_message = "events.drift_schedule must be five fields of cron, such as \"0 5 * * *\"."
  }
  validation {
    condition     = coalesce(var.events.attempts, 5) >= 5 && coalesce(var.events.attempts, 5) <= 100
    error_message = "events.attempts must be 5 to 100: Pub/Sub allows no others."
  }
  validation {
    condition     = coalesce(var.events.concurrency, 1) >= 1 && coalesce(var.events.concurrency, 1) <= 1000
    error_message = "events.concurrency must be 1 to 1000."
  }
}

variable "function" {
  description = "Settings of both functions. `runtime` defaults to the bundle's. An instance serves `concurrency` requests at a time. `vpc` is needed for what has a private address only; a cluster's DNS endpoint has none."
  type = object({
    runtime         = optional(string)
    memory_mb       = optional(number, 512)
    cpu             = optional(string, "1")
    timeout_seconds = optional(number, 60)
    concurrency     = optional(number, 8)
    min_instances   = optional(number, 0)
    max_instances   = optional(number, 20)
    environment     = optional(map(string), {})
    vpc = optional(object({
      connector = string
      egress    = optional(string, "PRIVATE_RANGES_ONLY")
    }))
  })
  default  = {}
  nullable = false
  validation {
    condition     = contains(["python311", "python312", "python313", "python314"], coalesce(var.function.runtime, "python313"))
    error_message = "function.runtime must be python311, python312, python313 or python314."
  }
  validation {
    condition     = var.function.timeout_seconds >= 30 && var.function.timeout_seconds <= 540
    error_message = "function.timeout_seconds must be 30 (a long poll takes 20) to 540."
  }
}

variable "image_builder" {
  description = <<-EOT
    The image builder's settings: an object with the names that docs/configuration.md explains. modules/settings has the types,
    and refuses unknown names. A null or absent setting keeps Boatyard's default. If defaultRepository is empty, images go to
    the repository created here.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "inline" {
  description = <<-EOT
    The function for events makes images of packages, files and settings itself; null uses Cloud Build or the cluster. Its
    /tmp is memory: `memory_mb` holds what a build downloads and packs, too. Cloud Run gives more than 4096 with 2 CPUs,
    more than 8192 with 4 and more than 16384 with 8. No build may take longer than `timeout_seconds`. What runs a
    command (apt, commands, a package without a wheel, a Dockerfile) is refused, or built in Cloud Build with `cloudbuild`.
    `bundle` is that function's archive, by default the one that `make bundle CLOUD=gcp` writes beside the other.
  EOT
  type = object({
    bundle          = optional(string)
    cloudbuild      = optional(bool, false)
    memory_mb       = optional(number, 8192)
    cpu             = optional(string, "2")
    timeout_seconds = optional(number, 540)
  })
  default = null
  validation {
    condition     = var.inline == null || var.cluster == null
    error_message = "Set inline or cluster, not both: beside the function, builds run in Cloud Build only (inline.cloudbuild)."
  }
  validation {
    condition     = try(var.inline.memory_mb >= 2048 && var.inline.memory_mb <= 32768, var.inline == null)
    error_message = "inline.memory_mb must be 2048 to 32768."
  }
  validation {
    condition     = try(var.inline.timeout_seconds >= 120 && var.inline.timeout_seconds <= 540, var.inline == null)
    error_message = "inline.timeout_seconds must be 120 to 540: Pub/Sub waits 600 s for an answer."
  }
}

variable "labels" {
  description = "Labels of all resources that support labels."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "logs" {
  description = "Retention of the builds' logs in days. The functions' logs are in Cloud Logging, under the project's own retention."
  type = object({
    retention_days = optional(number, 365)
  })
  default  = {}
  nullable = false
}

variable "name" {
  description = "Prefix of every name. Deployments in the same project need different ones."
  type        = string
  default     = "boatyard"
  nullable    = false
  validation {
    # The id of a service account has at most 30 characters.
    condition     = can(regex("^[a-z][a-z0-9-]{1,17}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 19 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "project" {
  description = "Id of the Google Cloud project that all of it is in."
  type        = string
  nullable    = false
}

variable "projects" {
  description = "Boatyard's projects that may build, and their domains. On a cluster each pair is a namespace, `<project>-<domain>`."
  type = map(object({
    domains = list(string)
  }))
  nullable = false
}

variable "region" {
  description = "Region of the functions, the bucket and the repositories."
  type        = string
  nullable    = false
}

variable "repository" {
  description = <<-EOT
    Repositories of Artifact Registry. The one for images is created unless image_builder.defaultRepository names another.
    `push_names`: further repositories that a spec's `registry` may name; with `create_missing` the function creates missing
    ones, and the roles are on the whole project. `base_names`: private repositories of base images; a push to one rebuilds
    the images based on it. Names are projects/<project>/locations/<location>/repositories/<repository>, of any project.
    Layers for later builds are in the cache's repository, and expire with it. Without one they are beside the images, and expire
    after `layer_days` if that is set; tags that begin with prefix-, wheels- or facts- must then be Boatyard's own.
  EOT
  type = object({
    name           = optional(string)
    tag_mutability = optional(string, "IMMUTABLE")
    untagged_days  = optional(number, 14)
    layer_days     = optional(number)
    push_names     = optional(list(string), [])
    base_names     = optional(list(string), [])
    create_missing = optional(bool, false)
    cache = optional(object({
      create = optional(bool, true)
      name   = optional(string)
      days   = optional(number, 14)
    }), {})
  })
  default  = {}
  nullable = false
  validation {
    condition     = contains(["IMMUTABLE", "MUTABLE"], var.repository.tag_mutability)
    error_message = "repository.tag_mutability must be IMMUTABLE or MUTABLE."
  }
  validation {
    condition = alltrue([
      for name in concat(var.repository.push_names, var.repository.base_names) :
      can(regex("^projects/[^/*]+/locations/[a-z0-9-]+/repositories/[a-z0-9-]+$", name))
    ])
    error_message = "repository.push_names and repository.base_names must be projects/<project>/locations/<location>/repositories/<repository>."
  }
}
