variable "bucket" {
  description = "Bucket of contexts, build records and dropped specs. Days are counted from an object's creation. A null name is made from `name`, account and region."
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
    error_message = "S3 expires objects after whole days, one or more."
  }
}

variable "bundle" {
  description = "Zip archive of the functions, as `make bundle CLOUD=aws` makes it. The document beside it (aws.json) says for which runtime and architecture."
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
  description = "Names of this account's roles that may call the function URL. Others get the output `caller_policy_json`."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "cluster" {
  description = <<-EOT
    EKS cluster that runs the builds; null takes CodeBuild instead.
    `identity` is how jobs get AWS credentials: pod-identity (the cluster has the eks-pod-identity-agent add-on) or irsa
    (`oidc_provider_arn` is the cluster's IAM OIDC provider). The cluster's authentication mode has to include API.
    `namespaces` and `service_accounts`: whether they are made here or are there already.
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
    error_message = "cluster.identity is pod-identity or irsa."
  }
  validation {
    condition     = try(var.cluster.identity, null) != "irsa" || try(var.cluster.oidc_provider_arn, null) != null
    error_message = "cluster.identity irsa needs cluster.oidc_provider_arn."
  }
}

variable "codebuild" {
  description = <<-EOT
    CodeBuild, where there is no cluster. `image` is CodeBuild's own for the `type` unless it is named, and `bundle` the
    zip archive of what runs inside a build that `make bundle CLOUD=aws` writes beside the functions'. An image of yours
    has it already, beside Python 3.11 or newer and Docker with buildx, or `bundle` names it. Builds are privileged
    containers, one each, because BuildKit needs it.
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
    error_message = "codebuild.type is LINUX_CONTAINER or ARM_CONTAINER."
  }
  validation {
    condition     = var.codebuild.queued_minutes >= 5 && var.codebuild.queued_minutes <= 480
    error_message = "CodeBuild takes 5 to 480 for codebuild.queued_minutes."
  }
}

variable "cross_account" {
  description = "Principals that the ECR policies for another account name beside the builder and the functions: roles of nodes and others that pull."
  type = object({
    pull_principals = optional(list(string), [])
  })
  default  = {}
  nullable = false
  validation {
    condition     = alltrue([for arn in var.cross_account.pull_principals : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "cross_account.pull_principals are ARNs of IAM roles or users."
  }
}

variable "encryption" {
  description = "Customer-managed KMS key: an existing one by ARN (its policy has to allow what the output `kms_key_policy_json` says) or one of our own. Neither: AWS's own keys."
  type = object({
    create_key = optional(bool, false)
    key_arn    = optional(string)
  })
  default  = {}
  nullable = false
  validation {
    condition     = !(var.encryption.create_key && var.encryption.key_arn != null)
    error_message = "Either create a key or name one."
  }
}

variable "events" {
  description = "What starts builds beside the URL. `specs`: objects below specs/ of the bucket. `drift_schedule`: an EventBridge schedule expression, null for none. Pushes to `repository.base_arns` are always heard."
  type = object({
    specs          = optional(bool, true)
    drift_schedule = optional(string)
    attempts       = optional(number, 5)
    concurrency    = optional(number, 2)
  })
  default  = {}
  nullable = false
  validation {
    condition     = can(regex("^(rate|cron)\\(.+\\)$", coalesce(var.events.drift_schedule, "rate(1 day)")))
    error_message = "events.drift_schedule is rate(…) or cron(…)."
  }
  validation {
    condition     = var.events.concurrency >= 2 && var.events.concurrency <= 1000
    error_message = "Lambda takes 2 to 1000 for events.concurrency."
  }
}

variable "function" {
  description = "Both functions. `architecture` and `runtime` are the bundle's unless they are named. `vpc` is for a cluster whose endpoint is private. `reserved_concurrency` -1 reserves nothing."
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
    error_message = "function.architecture is arm64 or x86_64."
  }
  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13", "python3.14"], coalesce(var.function.runtime, "python3.13"))
    error_message = "function.runtime is python3.11, python3.12, python3.13 or python3.14: what Boatyard runs on and Lambda has."
  }
  validation {
    condition     = var.function.timeout_seconds >= 30 && var.function.timeout_seconds <= 900
    error_message = "function.timeout_seconds is 30 (a long poll takes 20) to 900."
  }
}

variable "image_builder" {
  description = <<-EOT
    The image builder's settings under their own names, those of Union's Helm values first; docs/configuration.md explains
    each, and modules/settings has their types. What is null or absent keeps Boatyard's default. An empty defaultRepository
    takes the repository that is made here.
  EOT
  type        = any
  default     = {}
  nullable    = false
}

variable "logs" {
  description = "Retention of every log group, in days, as CloudWatch takes it."
  type = object({
    retention_days = optional(number, 365)
  })
  default  = {}
  nullable = false
}

variable "name" {
  description = "Prefix of every name. Two deployments in one account and region need two."
  type        = string
  default     = "boatyard"
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name is 3 to 32 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen."
  }
}

variable "projects" {
  description = "Whose images may be built: projects and their domains. On a cluster each pair is a namespace, `<project>-<domain>`."
  type = map(object({
    domains = list(string)
  }))
  nullable = false
}

variable "repository" {
  description = <<-EOT
    ECR repositories. The one for images is made unless image_builder.defaultRepository names another.
    `push_arns`: other repositories that a spec's `registry` may name; with `create_missing` the function makes those that
    are not there. `base_arns`: private repositories of base images; a push to one rebuilds what was built on it.
  EOT
  type = object({
    name           = optional(string)
    tag_mutability = optional(string, "IMMUTABLE")
    untagged_days  = optional(number, 14)
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
    error_message = "repository.tag_mutability is IMMUTABLE or MUTABLE."
  }
  validation {
    condition = alltrue([
      for arn in concat(var.repository.push_arns, var.repository.base_arns) :
      can(regex("^arn:[a-z-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/[^*?]+$", arn))
    ])
    error_message = "repository.push_arns and repository.base_arns are ARNs of ECR repositories, without wildcards."
  }
}

variable "tags" {
  description = "Tags of everything that takes tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
