# The bucket for contexts, build records and dropped specs. Nothing in it is the only copy.

locals {
  bucket_name = coalesce(var.bucket.name, "${var.name}-${local.account_id}-${local.region}")
  bucket_arn  = "arn:${local.partition}:s3:::${local.bucket_name}"
  # Folder => days after which its objects are removed; null keeps them. boatyard_serverless/keys.py lists the folders.
  folders = {
    contexts = var.bucket.contexts_days
    jobs     = var.bucket.builds_days
    builds   = var.bucket.builds_days
    open     = var.bucket.builds_days
    specs    = null
    results  = var.bucket.builds_days
    bases    = null
    drift    = var.bucket.builds_days
    logs     = var.bucket.builds_days
  }
}

resource "aws_s3_bucket" "bucket" {
  #checkov:skip=CKV_AWS_19:It is encrypted, below; the scanner does not see through the choice of the key.
  #checkov:skip=CKV_AWS_21:No versioning: contexts are named by their digest, and records are written once or by condition. Old versions would only keep what the lifecycle removes.
  #checkov:skip=CKV_AWS_18:Access logs need a bucket of the account's own choice; CloudTrail data events say the same.
  #checkov:skip=CKV_AWS_144:No replication: the client uploads a context again when it is gone.
  #checkov:skip=CKV_AWS_145:AES-256 by default; var.encryption takes or makes a customer-managed key.
  bucket        = local.bucket_name
  force_destroy = var.bucket.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_ownership_controls" "bucket" {
  bucket = aws_s3_bucket.bucket.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "bucket" {
  bucket                  = aws_s3_bucket.bucket.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "bucket" {
  bucket = aws_s3_bucket.bucket.id
  rule {
    bucket_key_enabled = local.kms_key_arn != null
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = local.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "bucket" {
  bucket = aws_s3_bucket.bucket.id
  rule {
    id     = "uploads-that-never-ended"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
  dynamic "rule" {
    for_each = { for folder, days in local.folders : folder => days if days != null }
    content {
      id     = rule.key
      status = "Enabled"
      filter {
        prefix = "${rule.key}/"
      }
      expiration {
        days = rule.value
      }
    }
  }
}

resource "aws_s3_bucket_policy" "bucket" {
  bucket = aws_s3_bucket.bucket.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
  depends_on = [aws_s3_bucket_public_access_block.bucket]
}

# EventBridge receives every object event of the bucket; rules.tf selects those of specs/.
resource "aws_s3_bucket_notification" "bucket" {
  count       = var.events.specs ? 1 : 0
  bucket      = aws_s3_bucket.bucket.id
  eventbridge = true
}
