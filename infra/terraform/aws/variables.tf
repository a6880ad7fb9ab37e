variable "bucket" {
  description = "Bucket for contexts, build records and dropped specs. Days count from an object's creation. If the name is null, it consists of `name`, account and region."
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
  description = "Zip archive of the functions, from `make bundle CLOUD=aws`. The document beside it (aws.json) names its runtime and architecture."
  type = object({
    path = string
  })
  nullable = false
  validation {
    condition     = endswith(var.bundle.path, ".zip") && fileexists(var.bundle.path)
    error_message = "No zip archive at bundle.path: run `make bundle CLOUD=aws` first."
  }
}

variable "caller_role_names" {
  description = "Names of roles in this account that may call the function URL. For others, use the output `caller_policy_json`."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "cluster" {
  description = <<-EOT
    EKS cluster that runs the builds; null uses CodeBuild.
    `identity` is how jobs get AWS credentials: pod-identity (the cluster has the eks-pod-identity-agent add-on) or irsa
    (`oidc_provider_arn` is the cluster's IAM OIDC provider). The cluster's authentication mode must include API.
    `namespaces` and `service_accounts`: whether to create them; false if they exist.
  EOT
  type = object({
    name              = string
    identity          = optional(string, "pod-identity")
    oidc_provider_arn = optional(string)
    namespaces        = optional(bool, true)
    service_accounts  = optional(bool, true)
  })
  default = null
  validation {
    condition     = contains(["pod-identity", "irsa"], try(var.cluster.identity, "pod-identity"))
    error_message = "cluster.identity must be pod-identity or irsa."
  }
  validation {
    condition     = try(var.cluster.identity, null) != "irsa" || try(var.cluster.oidc_provider_arn, null) != null
    error_message = "cluster.identity irsa needs cluster.oidc_provider_arn."
  }
}

variable "codebuild" {
  description = <<-EOT
    CodeBuild, used without a cluster. `image` defaults to CodeBuild's own for the `type`, and `bundle` to the archive of the
    job's code that `make bundle CLOUD=aws` writes beside the functions' bundle. An image of your own needs Python 3.11 or
    newer and Docker with buildx; it contains the code, or `bundle` names the archive. Each build is one privileged
    container, which BuildKit needs.
  EOT
  type = object({
    bundle         = optional(string)
    compute_type   = optional(string, "BUILD_GENERAL1_MEDIUM")
    image          = optional(string)
    type           = optional(string, "LINUX_CONTAINER")
    queued_minutes = optional(number, 60)
  })
  default  = {}
  nullable = false
  validation {
    condition     = contains(["LINUX_CONTAINER", "ARM_CONTAINER"], var.codebuild.type)
    error_message = "codebuild.type must be LINUX_CONTAINER or ARM_CONTAINER."
  }
  validation {
    condition     = var.codebuild.queued_minutes >= 5 && var.codebuild.queued_minutes <= 480
    error_message = "codebuild.queued_minutes must be 5 to 480."
  }
}

variable "cross_account" {
  description = "Principals that the ECR policies for other accounts allow to pull, beside the builder and the functions: roles of nodes, for example."
  type = object({
    pull_principals = optional(list(string), [])
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for arn in var.cross_account.pull_principals : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "cross_account.pull_principals must be ARNs of IAM roles or users."
  }
}

variable "encryption" {
  description = "Customer-managed KMS key: an existing one by ARN (its policy must allow what the output `kms_key_policy_json` lists), or a new one. With neither, AWS's own keys."
  type = object({
    create_key = optional(bool, false)
    key_arn    = optional(string)
  })
  default  = {}
  nullable = false
  validation {
    condition     = !(var.encryption.create_key && var.encryption.key_arn != null)
    error_message = "Set encryption.create_key or encryption.key_arn, not both."
  }
}

variable "events" {
  description = "Events that start builds. `specs`: objects below specs/ in the bucket. `drift_schedule`: an EventBridge schedule expression for the drift report, or null. Pushes to `repository.base_arns` always start builds. `concurrency` is 2 by default, and 10 with `inline`: as many builds run side by side."
  type = object({
    specs          = optional(bool, true)
    drift_schedule = optional(string)
    attempts       = optional(number, 5)
    concurrency    = optional(number)
  })
  default  = {}
  nullable = false
  validation {
    condition     = can(regex("^(rate|cron)\\(.+\\)$", coalesce(var.events.drift_schedule, "rate(1 day)")))
    error_message = "events.drift_schedule must be rate(…) or cron(…)."
  }
  validation {
    condition     = coalesce(var.events.concurrency, 2) >= 2 && coalesce(var.events.concurrency, 2) <= 1000
    error_message = "events.concurrency must be 2 to 1000."
  }
}

variable "function" {
  description = "Settings of both functions. `architecture` and `runtime` default to the bundle's. `vpc` is needed for a cluster with a private endpoint. `reserved_concurrency` -1 reserves nothing."
  type = object({
    architecture         = optional(string)
    runtime              = optional(string)
    memory_mb            = optional(number, 512)
    timeout_seconds      = optional(number, 60)
    reserved_concurrency = optional(number, -1)
    log_level            = optional(string, "INFO")
    tracing              = optional(bool, false)
    environment          = optional(map(string), {})
    vpc = optional(object({
      subnet_ids         = list(string)
      security_group_ids = list(string)
    }))
  })
  default  = {}
  nullable = false
  validation {
    condition     = contains(["arm64", "x86_64"], coalesce(var.function.architecture, "arm64"))
    error_message = "function.architecture must be arm64 or x86_64."
  }
  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13", "python3.14"], coalesce(var.function.runtime, "python3.13"))
    error_message = "function.runtime must be python3.11, python3.12, python3.13 or python3.14: Boatyard and Lambda support these."
  }
  validation {
    condition     = var.function.timeout_seconds >= 30 && var.function.timeout_seconds <= 900
    error_message = "function.timeout_seconds must be 30 (a long poll takes 20) to 900."
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
    The function for events makes images of packages, files and settings itself; null uses CodeBuild or the cluster. No build
    may take longer than `timeout_seconds`, nor write more than `storage_mb` below /tmp. What runs a command (apt, commands, a
    package without a wheel, a Dockerfile) is refused, or built in CodeBuild with `codebuild`. `bundle` is that function's
    archive, by default the one that `make bundle CLOUD=aws` writes beside the other.
  EOT
  type = object({
    bundle          = optional(string)
    codebuild       = optional(bool, false)
    memory_mb       = optional(number, 3008)
    storage_mb      = optional(number, 10240)
    timeout_seconds = optional(number, 900)
  })
  default = null
  validation {
    condition     = var.inline == null || var.cluster == null
    error_message = "Set inline or cluster, not both: beside the function, builds run in CodeBuild only (inline.codebuild)."
  }
  validation {
    condition     = try(var.inline.memory_mb >= 1024 && var.inline.memory_mb <= 10240, var.inline == null)
    error_message = "inline.memory_mb must be 1024 to 10240."
  }
  validation {
    condition     = try(var.inline.storage_mb >= 2048 && var.inline.storage_mb <= 10240, var.inline == null)
    error_message = "inline.storage_mb must be 2048 to 10240."
  }
  validation {
    condition     = try(var.inline.timeout_seconds >= 120 && var.inline.timeout_seconds <= 900, var.inline == null)
    error_message = "inline.timeout_seconds must be 120 to 900, Lambda's longest."
  }
}

variable "logs" {
  description = "Retention of every log group in days, one of the values that CloudWatch accepts."
  type = object({
    retention_days = optional(number, 365)
  })
  default  = {}
  nullable = false
}

variable "name" {
  description = "Prefix of every name. Deployments in the same account and region need different ones."
  type        = string
  default     = "boatyard"
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "projects" {
  description = "Projects that may build, and their domains. On a cluster each pair is a namespace, `<project>-<domain>`."
  type = map(object({
    domains = list(string)
  }))
  nullable = false
}

variable "repository" {
  description = <<-EOT
    ECR repositories. The one for images is created unless image_builder.defaultRepository names another.
    `push_arns`: further repositories that a spec's `registry` may name; with `create_missing` the function creates missing
    ones. `base_arns`: private repositories of base images; a push to one rebuilds the images based on it.
    Layers for later builds are in the cache's repository, and expire with it. Without one they are beside the images, and expire
    after `layer_days` if that is set; tags that begin with prefix-, wheels- or facts- must then be Boatyard's own.
  EOT
  type = object({
    name           = optional(string)
    tag_mutability = optional(string, "IMMUTABLE")
    untagged_days  = optional(number, 14)
    layer_days     = optional(number)
    force_delete   = optional(bool, false)
    push_arns      = optional(list(string), [])
    base_arns      = optional(list(string), [])
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
      for arn in concat(var.repository.push_arns, var.repository.base_arns) :
      can(regex("^arn:[a-z-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/[^*?]+$", arn))
    ])
    error_message = "repository.push_arns and repository.base_arns must be ARNs of ECR repositories, without wildcards."
  }
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
