# Created before the functions write, so that retention applies from the first line and no role needs to create groups.

locals {
  log_groups = merge(
    { for key, function in local.functions : key => "/aws/lambda/${function.name}" },
    { for name in local.codebuild_names : "codebuild" => "/aws/codebuild/${name}" },
  )
}

resource "aws_cloudwatch_log_group" "logs" {
  #checkov:skip=CKV_AWS_158:Encrypted by CloudWatch's own key by default; var.encryption takes or makes a customer-managed key.
  for_each          = local.log_groups
  name              = each.value
  retention_in_days = var.logs.retention_days
  kms_key_id        = local.kms_key_arn
  tags              = var.tags
}
