# The queue of events. A message that fails returns to the queue alone, and moves to the dead letters after a few attempts.

locals {
  events_enabled = length(local.rules) > 0 || local.inline_enabled
  # By name, because the two queues refer to each other.
  queue_arns = {
    for queue in ["events", "dead-letters"] : queue => "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${var.name}-${queue}"
  }
  queue_policies = {
    for queue, statements in {
      events = length(local.rules) == 0 ? [] : [{
        Sid       = "OurRulesSend"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arns["events"]
        Condition = {
          ArnEquals = {
            "aws:SourceArn" = [for rule in keys(local.rules) : "arn:${local.partition}:events:${local.region}:${local.account_id}:rule/${var.name}-${rule}"]
          }
        }
      }]
      dead-letters = []
      } : queue => jsonencode({
        Version = "2012-10-17"
        Statement = concat(statements, [{
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = local.queue_arns[queue]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        }])
    })
  }
}

resource "aws_sqs_queue" "dead_letters" {
  #checkov:skip=CKV_AWS_27:Encrypted by SQS's own key by default; var.encryption takes or makes a customer-managed key.
  count                     = local.events_enabled ? 1 : 0
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600
  policy                    = local.queue_policies["dead-letters"]
  sqs_managed_sse_enabled   = local.kms_key_arn == null ? true : null
  kms_master_key_id         = local.kms_key_arn
  tags                      = var.tags
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arns["events"]]
  })
}

resource "aws_sqs_queue" "events" {
  #checkov:skip=CKV_AWS_27:Encrypted by SQS's own key by default; var.encryption takes or makes a customer-managed key.
  count                     = local.events_enabled ? 1 : 0
  name                      = "${var.name}-events"
  message_retention_seconds = 345600
  policy                    = local.queue_policies["events"]
  # AWS recommends six times the function's timeout, so that a message is not delivered again during its processing.
  visibility_timeout_seconds = 6 * local.functions["events"].timeout
  sqs_managed_sse_enabled    = local.kms_key_arn == null ? true : null
  kms_master_key_id          = local.kms_key_arn
  tags                       = var.tags
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[0].arn
    maxReceiveCount     = var.events.attempts
  })
}

resource "aws_lambda_event_source_mapping" "events" {
  count            = local.events_enabled ? 1 : 0
  function_name    = aws_lambda_function.function["events"].arn
  event_source_arn = aws_sqs_queue.events[0].arn
  # A build takes its function's whole time.
  batch_size              = local.inline_enabled ? 1 : 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags
  scaling_config {
    maximum_concurrency = coalesce(var.events.concurrency, local.inline_enabled ? 10 : 2)
  }
  # AWS refuses the mapping until the role may read the queue.
  depends_on = [aws_iam_role_policy.function]
}
