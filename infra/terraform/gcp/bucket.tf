# The bucket for contexts, build records and dropped specs. None of its objects is the only copy.

locals {
  bucket_name = coalesce(var.bucket.name, "${var.name}-${local.project}-${local.region}")
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
  # Folder => condition on its objects, for IAM.
  in_folder = {
    for folder in keys(local.folders) :
    folder => "resource.name.startsWith(\"projects/_/buckets/${local.bucket_name}/objects/${folder}/\")"
  }
  # Without permission to list, Cloud Storage answers 403 instead of 404 for a missing object.
  on_bucket = "resource.type == \"storage.googleapis.com/Bucket\""
}

resource "google_storage_bucket" "bucket" {
  #checkov:skip=CKV_GCP_62:Access logs need a bucket of the project's own choice; Cloud Audit Logs of data access say the same.
  #checkov:skip=CKV_GCP_78:No versioning: contexts are named by their digest, and records are written once or by condition. Old versions would only keep what the lifecycle removes.
  project                     = local.project
  name                        = local.bucket_name
  location                    = local.region
  force_destroy               = var.bucket.force_destroy
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = var.labels
  dynamic "encryption" {
    for_each = local.kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }
  # Without soft delete, the lifecycle removes objects permanently.
  soft_delete_policy {
    retention_duration_seconds = 0
  }
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }
  dynamic "lifecycle_rule" {
    for_each = { for folder, days in local.folders : folder => days if days != null }
    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value
        matches_prefix = ["${lifecycle_rule.key}/"]
      }
    }
  }
  depends_on = [google_kms_crypto_key_iam_member.agent]
}
