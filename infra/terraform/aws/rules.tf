# The events that EventBridge sends to the queue.

locals {
  # EventBridge reports this account and region only; the drift report covers bases from elsewhere.
  base_repositories = [for arn in var.repository.base_arns : regex("repository/(.+)$", arn)[0]]
  # Builds are stored by their base only if something uses it.
  remembers_bases = length(var.repository.base_arns) > 0 || var.events.drift_schedule != null
  rules = {
    for key, rule in {
      specs = {
        enabled     = var.events.specs
        description = "A spec that is dropped into the bucket builds"
        schedule    = null
        pattern = {
          source      = ["aws.s3"]
          detail-type = ["Object Created"]
          detail      = { bucket = { name = [local.bucket_name] }, object = { key = [{ prefix = "specs/" }] } }
        }
      }
      bases = {
        enabled     = length(var.repository.base_arns) > 0
        description = "A new base image rebuilds what was built on it"
        schedule    = null
        pattern = {
          source      = ["aws.ecr"]
          detail-type = ["ECR Image Action"]
          detail      = { action-type = ["PUSH"], result = ["SUCCESS"], repository-name = local.base_repositories }
        }
      }
      drift = {
        enabled     = var.events.drift_schedule != null
        description = "Says which images were built on a base that has moved since"
        schedule    = var.events.drift_schedule
        pattern     = null
      }
    } : key => rule if rule.enabled
  }
}

resource "aws_cloudwatch_event_rule" "rule" {
  for_each            = local.rules
  name                = "${var.name}-${each.key}"
  description         = each.value.description
  event_pattern       = each.value.pattern == null ? null : jsonencode(each.value.pattern)
  schedule_expression = each.value.schedule
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "rule" {
  for_each = local.rules
  rule     = aws_cloudwatch_event_rule.rule[each.key].name
  arn      = aws_sqs_queue.events[0].arn
}
