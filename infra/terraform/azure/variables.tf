variable "acrtasks" {
  description = <<-EOT
    ACR Tasks, used without a cluster. `image` defaults to the builder image with an engine that `make builder-image
    CLOUD=azure IMAGE_OPTIONS=--engine` makes. `pool` is an agent pool of the registry, which needs the sku Premium. Each
    build is one privileged step, which BuildKit needs.
  EOT
  type = object({
    image = optional(string)
    pool  = optional(string)
  })
  default  = {}
  nullable = false
}

variable "anonymous" {
  description = "Opens the URL to everybody, without a token, and turns the checks of callers off. For a private network or a trial."
  type        = bool
  default     = false
  nullable    = false
}

variable "application" {
  description = "The app registration whose tokens the URL takes, made by the commands of docs/deploy-azure.md; null only with `anonymous`. `audience` defaults to api://<client_id>, and `tenant_id` to the tenant of the account that applies."
  type = object({
    client_id = string
    audience  = optional(string)
    tenant_id = optional(string)
  })
  default = null
}

variable "bucket" {
  description = "Container for contexts, build records and dropped specs, and its storage account. Days count from a blob's creation. Names default to `name`; the account's has a hash behind it, because it is unique in Azure."
  type = object({
    account_name  = optional(string)
    name          = optional(string)
    replication   = optional(string, "LRS")
    contexts_days = optional(number, 30)
    builds_days   = optional(number, 90)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.bucket.contexts_days >= 1 && var.bucket.builds_days >= 1
    error_message = "bucket.contexts_days and bucket.builds_days must be at least 1."
  }
  validation {
    condition     = can(regex("^[a-z0-9]{3,23}$", coalesce(var.bucket.account_name, "abc")))
    error_message = "bucket.account_name must be 3 to 23 lower-case letters and digits; the host's account has one letter more."
  }
}

variable "bundle" {
  description = "Zip archive of the function, from `make bundle CLOUD=azure`. The document beside it (azure.json) names its runtime and the builder image. Terraform reads the document; the output `publish_command` publishes the archive."
  type = object({
    path = string
  })
  nullable = false
  validation {
    condition     = endswith(var.bundle.path, ".zip") && fileexists(var.bundle.path)
    error_message = "No zip archive at bundle.path: run `make bundle CLOUD=azure` first."
  }
}

variable "caller_applications" {
  description = "Client ids of applications and managed identities that may call the URL for somebody or for themselves. Azure CLI is one."
  type        = set(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for id in var.caller_applications : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))])
    error_message = "caller_applications must be client ids, in lower case."
  }
}

variable "caller_principals" {
  description = "Object ids of the users, managed identities and service principals that may call the URL; `*` leaves it to the application's assignments in Entra ID. The settings' access.callers then says what each may build."
  type        = set(string)
  default     = []
  nullable    = false
  validation {
    condition     = alltrue([for id in var.caller_principals : can(regex("^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\\*)$", id))])
    error_message = "caller_principals must be object ids, in lower case, or *."
  }
}

variable "cluster" {
  description = <<-EOT
    AKS cluster that runs the builds, by its resource id; null uses ACR Tasks. It needs Entra ID, Kubernetes RBAC, the OIDC
    issuer and workload identity. `kubelet_principals`: object ids of its kubelet's identities, by names of your choice; they
    pull images. `namespaces` and `service_accounts`: whether to create them; false if they exist.
  EOT
  type = object({
    id                 = string
    oidc_issuer_url    = string
    kubelet_principals = optional(map(string), {})
    namespaces         = optional(bool, true)
    service_accounts   = optional(bool, true)
  })
  default = null
  validation {
    condition     = can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.ContainerService/managedClusters/[^/]+$", try(var.cluster.id, ""))) || var.cluster == null
    error_message = "cluster.id must be the resource id of an AKS cluster."
  }
}

variable "cross_registry" {
  description = "`grant`: also grants the roles on registries of other subscriptions; the account that applies this needs Role Based Access Control Administrator there. Otherwise the output `cross_registry_grants` lists them."
  type = object({
    grant = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "events" {
  description = "Events that start builds. `specs`: blobs below specs/ in the container. `drift_schedule`: six fields of NCRONTAB in UTC, seconds first, for the drift report, or null. Pushes to `repository.bases` always start builds. `publishers` are object ids of those that may put orders on the queue."
  type = object({
    specs          = optional(bool, true)
    drift_schedule = optional(string)
    publishers     = optional(set(string), [])
  })
  default  = {}
  nullable = false
  validation {
    condition     = can(regex("^\\S+( \\S+){5}$", coalesce(var.events.drift_schedule, "0 0 5 * * *")))
    error_message = "events.drift_schedule must be six fields of NCRONTAB, such as \"0 0 5 * * *\"."
  }
}

variable "function" {
  description = "Settings of the function app. `runtime` defaults to the bundle's, and `name` to `name` with a hash behind it. An instance serves `concurrency` requests at a time and has `memory_mb`, by default 512, or 4096 with `inline`. `subnet_id` is a subnet for what has a private address only, such as a private cluster."
  type = object({
    name           = optional(string)
    runtime        = optional(string)
    memory_mb      = optional(number)
    concurrency    = optional(number, 8)
    min_instances  = optional(number, 0)
    max_instances  = optional(number, 40)
    zone_redundant = optional(bool, false)
    environment    = optional(map(string), {})
    subnet_id      = optional(string)
  })
  default  = {}
  nullable = false
  validation {
    condition     = contains(["3.11", "3.12", "3.13", "3.14"], coalesce(var.function.runtime, "3.13"))
    error_message = "function.runtime must be 3.11, 3.12, 3.13 or 3.14."
  }
  validation {
    condition     = contains([512, 2048, 4096], coalesce(var.function.memory_mb, 512))
    error_message = "function.memory_mb must be 512, 2048 or 4096."
  }
  validation {
    condition     = var.function.max_instances >= 40 && var.function.max_instances <= 1000
    error_message = "function.max_instances must be 40 to 1000."
  }
}

variable "image_builder" {
  description = <<-EOT
    The image builder's settings: an object with the names that docs/configuration.md explains. modules/settings has the types,
    and refuses unknown names. A null or absent setting keeps Boatyard's default. If defaultRepository is empty, images go to
    the registry of this deployment.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "inline" {
  description = <<-EOT
    The function makes images of packages, files and settings itself, when its queue says so; null uses ACR Tasks or the
    cluster. Flex Consumption gives it at most 4096 MB of memory (function.memory_mb) and 0.8 GB of temporary storage,
    which is enough for small packages only. No build may take longer than `timeout_seconds`. What runs a command (apt,
    commands, a package without a wheel, a Dockerfile) is refused, or built in ACR Tasks with `acrtasks`. `bundle` is the
    app's archive, by default the one that `make bundle CLOUD=azure` writes beside the other.
  EOT
  type = object({
    bundle          = optional(string)
    acrtasks        = optional(bool, false)
    timeout_seconds = optional(number, 1800)
  })
  default = null
  validation {
    condition     = var.inline == null || var.cluster == null
    error_message = "Set inline or cluster, not both: beside the function, builds run in ACR Tasks only (inline.acrtasks)."
  }
  validation {
    condition     = try(var.inline.timeout_seconds >= 120 && var.inline.timeout_seconds <= 3600, var.inline == null)
    error_message = "inline.timeout_seconds must be 120 to 3600."
  }
}

variable "location" {
  description = "Region of everything, such as westeurope."
  type        = string
  nullable    = false
}

variable "logs" {
  description = "Retention of the logs in days, and whether reads of secrets and images are logged."
  type = object({
    retention_days = optional(number, 365)
    audit          = optional(bool, true)
  })
  default  = {}
  nullable = false
  validation {
    condition     = var.logs.retention_days >= 30 && var.logs.retention_days <= 730
    error_message = "logs.retention_days must be 30 to 730."
  }
}

variable "name" {
  description = "Prefix of every name. Deployments in the same resource group need different ones."
  type        = string
  default     = "boatyard"
  nullable    = false
  validation {
    # A key vault's name has at most 24 characters.
    condition     = can(regex("^[a-z][a-z0-9-]{1,11}[a-z0-9]$", var.name)) && !can(regex("--", var.name))
    error_message = "name must be 3 to 13 lower-case letters, digits and single hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "projects" {
  description = "Boatyard's projects that may build, and their domains. On a cluster each pair is a namespace, `<project>-<domain>`."
  type = map(object({
    domains = list(string)
  }))
  nullable = false
}

variable "repository" {
  description = <<-EOT
    The registry and its repositories. One is created unless `registry_id` names a registry. `name` is the repository of images,
    and `cache` the one of the build cache, whose layers for later builds ACR Tasks removes after `days` (null: never; a registry with
    `abac` needs an identity for it, and has no such task). `push_ids`: further registries that a spec's `registry` may name. `bases`: registries
    of private base images, with the repositories whose pushes rebuild the images based on them; `location` is the registry's,
    if it is another. `abac` and `abac_ids`: registries that grant by repository, which ignore AcrPull and AcrPush. Registries
    are resource ids, of any subscription.
  EOT
  type = object({
    registry_id   = optional(string)
    registry_name = optional(string)
    name          = optional(string)
    sku           = optional(string, "Standard")
    untagged_days = optional(number, 14)
    abac          = optional(bool, false)
    abac_ids      = optional(set(string), [])
    push_ids      = optional(list(string), [])
    bases = optional(map(object({
      repositories = list(string)
      location     = optional(string)
    })), {})
    cache = optional(object({
      create = optional(bool, true)
      name   = optional(string)
      days   = optional(number, 14)
    }), {})
  })
  default  = {}
  nullable = false
  validation {
    condition     = contains(["Basic", "Standard", "Premium"], var.repository.sku)
    error_message = "repository.sku must be Basic, Standard or Premium."
  }
  validation {
    condition = alltrue([
      for id in concat(var.repository.registry_id[*], var.repository.push_ids, keys(var.repository.bases)) :
      can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.ContainerRegistry/registries/[a-z0-9]+$", id))
    ])
    error_message = "repository.registry_id, repository.push_ids and the keys of repository.bases must be resource ids of registries."
  }
  validation {
    condition     = alltrue([for base in values(var.repository.bases) : length(base.repositories) >= 1 && length(base.repositories) <= 25])
    error_message = "Each of repository.bases must name 1 to 25 repositories: an Event Grid filter takes no more."
  }
}

variable "resource_group" {
  description = "Name of the resource group that all of it is in. It has to exist."
  type        = string
  nullable    = false
}

variable "subscription_id" {
  description = "Id of the subscription that all of it is in, the provider's."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
