# Optional: a customer-managed key for the bucket, repositories, queues, logs and the functions' environment.

locals {
  kms_key_arn = var.encryption.create_key ? aws_kms_key.key[0].arn : var.encryption.key_arn
  # Permissions to read and write data that the key encrypts.
  kms_statements = local.kms_key_arn == null ? [] : [{
    Sid      = "UseKey"
    Effect   = "Allow"
    Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource = [local.kms_key_arn]
  }]
}

resource "aws_kms_key" "key" {
  count                   = var.encryption.create_key ? 1 : 0
  description             = "Boatyard ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  tags                    = var.tags
  policy                  = local.kms_key_policy
}

resource "aws_kms_alias" "key" {
  count         = var.encryption.create_key ? 1 : 0
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.key[0].key_id
}

locals {
  kms_key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Without it nobody could change the key. It lets identity policies decide who may use the key.
        # In a key's policy, "*" is this key.
        Sid       = "AccountAdministers"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogGroupsEncrypt"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"]
        Resource  = "*"
        Condition = {
          ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:/aws/*/${var.name}*" }
        }
      },
      {
        Sid       = "RulesSendToEncryptedQueue"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
    ]
  })
}
