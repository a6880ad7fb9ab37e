# Events wait here. A message that fails goes back alone; after a few attempts it is put aside.

locals {
  events_enabled = length(local.rules) > 0
}

resource "aws_sqs_queue" "dead_letters" {
  #checkov:skip=CKV_AWS_27:Encrypted by SQS's own key by default; var.encryption takes or makes a customer-managed key.
  count                     = local.events_enabled ? 1 : 0
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = local.kms_key_arn == null ? true : null
  kms_master_key_id         = local.kms_key_arn
  tags                      = var.tags
}

resource "aws_sqs_queue" "events" {
  #checkov:skip=CKV_AWS_27:Encrypted by SQS's own key by default; var.encryption takes or makes a customer-managed key.
  count                     = local.events_enabled ? 1 : 0
  name                      = "${var.name}-events"
  message_retention_seconds = 345600
  # AWS asks for six times the function's timeout, so that a message is not seen again while it is worked on.
  visibility_timeout_seconds = 6 * var.function.timeout_seconds
  sqs_managed_sse_enabled    = local.kms_key_arn == null ? true : null
  kms_master_key_id          = local.kms_key_arn
  tags                       = var.tags
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[0].arn
    maxReceiveCount     = var.events.attempts
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  count     = local.events_enabled ? 1 : 0
  queue_url = aws_sqs_queue.dead_letters[0].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.events[0].arn]
  })
}

resource "aws_sqs_queue_policy" "events" {
  count     = local.events_enabled ? 1 : 0
  queue_url = aws_sqs_queue.events[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OurRulesSend"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.events[0].arn
        Condition = { ArnEquals = { "aws:SourceArn" = [for rule in aws_cloudwatch_event_rule.rule : rule.arn] } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.events[0].arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_lambda_event_source_mapping" "events" {
  count                   = local.events_enabled ? 1 : 0
  function_name           = aws_lambda_function.function["events"].arn
  event_source_arn        = aws_sqs_queue.events[0].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags
  scaling_config {
    maximum_concurrency = var.events.concurrency
  }
  # The mapping is refused until the role may read the queue.
  depends_on = [aws_iam_role_policy.function]
}
