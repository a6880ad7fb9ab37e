# Two functions: one serves the URL, the other the queue of events. They are from one bundle, unless the second makes images itself.

locals {
  functions = {
    for key, function in {
      http   = merge(local.usual, { enabled = true, handler = "boatyard_aws.handler.http" })
      events = merge(local.usual, local.of_builds, { enabled = local.events_enabled, handler = "boatyard_aws.handler.events" })
    } : key => merge(function, { name = "${var.name}-${key}" }) if function.enabled
  }
  usual = { memory = var.function.memory_mb, timeout = var.function.timeout_seconds, storage = 512, bundle = var.bundle.path }
  of_builds = merge([
    for inline in var.inline[*] :
    { memory = inline.memory_mb, timeout = inline.timeout_seconds, storage = inline.storage_mb, bundle = local.inline_bundle }
  ]...)
  architecture = coalesce(var.function.architecture, try(local.bundle.architecture, null), "x86_64")
  runtime      = coalesce(var.function.runtime, try(local.bundle.runtime, null), "python3.13")
  # adapters/aws/boatyard_aws/configuration.py explains each.
  environment = merge(
    {
      BOATYARD_SETTINGS            = module.settings.json
      BOATYARD_BUCKET              = local.bucket_name
      BOATYARD_DEPLOYMENT_KEY      = aws_secretsmanager_secret.deployment_key.arn
      BOATYARD_RUNNER              = local.runner
      BOATYARD_SECRET_PREFIX       = var.name
      BOATYARD_CREATE_REPOSITORIES = tostring(var.repository.create_missing)
      BOATYARD_REPOSITORY_TAGS     = var.repository.tag_mutability
      BOATYARD_PIN_BASES           = tostring(local.remembers_bases)
      BOATYARD_TRACING             = tostring(var.function.tracing)
      POWERTOOLS_SERVICE_NAME      = var.name
      POWERTOOLS_METRICS_NAMESPACE = "Boatyard"
      POWERTOOLS_LOG_LEVEL         = var.function.log_level
    },
    { for cluster in var.cluster[*] : "BOATYARD_CLUSTER" => cluster.name },
    { for name in local.codebuild_names : "BOATYARD_CODEBUILD_PROJECT" => name },
    { for name in local.codebuild_names : "BOATYARD_CODEBUILD_LOG_GROUP" => aws_cloudwatch_log_group.logs["codebuild"].name },
    { for name in local.codebuild_names : "BOATYARD_INLINE_OTHER" => "codebuild" if local.inline_enabled },
    { for queue in aws_sqs_queue.events : "BOATYARD_QUEUE" => queue.url },
    { for queue in aws_sqs_queue.dead_letters : "BOATYARD_DEAD_LETTERS" => queue.url },
    var.function.environment,
  )
}

resource "aws_lambda_function" "function" {
  #checkov:skip=CKV_AWS_50:X-Ray by function.tracing; it costs, so it is asked for.
  #checkov:skip=CKV_AWS_115:Reserved concurrency by function.reserved_concurrency; taking it from the account's pool is the owner's decision.
  #checkov:skip=CKV_AWS_116:Nothing invokes these asynchronously. The URL answers its caller, and the queue has its own dead letters.
  #checkov:skip=CKV_AWS_117:By function.vpc, where the cluster's endpoint is private. Its other connections are to public AWS endpoints.
  #checkov:skip=CKV_AWS_173:The environment holds no secret; var.encryption takes or makes a customer-managed key.
  #checkov:skip=CKV_AWS_272:The bundle is built by the account's owner, reproducibly; code signing needs a signing profile of their own.
  for_each                       = local.functions
  function_name                  = each.value.name
  description                    = "Boatyard: ${each.key}"
  role                           = aws_iam_role.function[each.key].arn
  handler                        = each.value.handler
  runtime                        = local.runtime
  architectures                  = [local.architecture]
  memory_size                    = each.value.memory
  timeout                        = each.value.timeout
  reserved_concurrent_executions = var.function.reserved_concurrency
  filename                       = each.value.bundle
  source_code_hash               = try(filebase64sha256(each.value.bundle), null)
  kms_key_arn                    = local.kms_key_arn
  tags                           = var.tags
  environment {
    variables = local.environment
  }
  ephemeral_storage {
    size = each.value.storage
  }
  tracing_config {
    mode = var.function.tracing ? "Active" : "PassThrough"
  }
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.logs[each.key].name
  }
  dynamic "vpc_config" {
    for_each = var.function.vpc[*]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }
  lifecycle {
    precondition {
      condition     = try(local.bundle.architecture, local.architecture) == local.architecture && try(local.bundle.runtime, local.runtime) == local.runtime
      error_message = "The bundle was made for ${try(local.bundle.runtime, "?")} on ${try(local.bundle.architecture, "?")}, the function is ${local.runtime} on ${local.architecture}."
    }
    precondition {
      condition     = fileexists(each.value.bundle)
      error_message = "${each.value.bundle}, the archive of the function that makes images, does not exist. Run `make bundle CLOUD=aws`, which writes it beside the other, or set inline.bundle."
    }
    precondition {
      condition     = local.runner != "kubernetes" || local.builder_image != null
      error_message = "Jobs have no image: neither the document beside the bundle (`make bundle CLOUD=aws` writes both) nor image_builder.kubernetes.builderImage names one."
    }
  }
  # A function must not serve requests before its role has its permissions.
  depends_on = [aws_iam_role_policy.function]
}
