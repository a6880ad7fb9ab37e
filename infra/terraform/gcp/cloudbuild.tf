# Without a cluster: one build of Cloud Build per image, or per image that needs a RUN, with one privileged step. The function sends the whole build, so
# only logs exist in Cloud Build between builds.

locals {
  # Empty, or one name: the key of everything that exists only with Cloud Build.
  cloudbuild_keys     = local.uses_cloudbuild ? ["cloudbuild"] : []
  cloudbuild_location = coalesce(var.cloudbuild.location, local.region)
  # Ids of secrets: <name>_<project>_<domain>_<name>. The deployment's key has another prefix.
  secrets_prefix = "projects/${local.project_number}/secrets/${var.name}_"
  in_secrets     = "resource.name.startsWith(\"${local.secrets_prefix}\")"
}

# Cloud Build appends to the log's object and requires a role on the whole bucket, so logs have their own: decision 0027.
resource "google_storage_bucket" "logs" {
  #checkov:skip=CKV_GCP_62:Access logs of logs are the owner's decision.
  #checkov:skip=CKV_GCP_78:No versioning: Cloud Build writes a log once.
  for_each                    = toset(local.cloudbuild_keys)
  project                     = local.project
  name                        = "${local.bucket_name}-logs"
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
  soft_delete_policy {
    retention_duration_seconds = 0
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = var.logs.retention_days
    }
  }
  depends_on = [google_kms_crypto_key_iam_member.agent]
}

resource "google_storage_bucket_iam_member" "logs" {
  for_each = merge(
    { for key in local.cloudbuild_keys : "builder" => { role = "roles/storage.admin", member = local.builder_members[key] } },
    {
      for key, member in local.function_members : key => { role = "roles/storage.objectViewer", member = member }
      if local.uses_cloudbuild
    },
  )
  bucket = google_storage_bucket.logs["cloudbuild"].name
  role   = each.value.role
  member = each.value.member
}

# What a build does with the deployment's bucket. It signs the URLs of its context itself, and a signed URL has its signer's
# permissions: one of them removes bytes of another digest, which would block that digest for everybody.
resource "google_storage_bucket_iam_member" "builder" {
  for_each = {
    for grant, given in {
      contexts = { role = "roles/storage.objectUser", expression = local.in_folder.contexts }
      jobs     = { role = "roles/storage.objectUser", expression = "${local.on_bucket} || ${local.in_folder.jobs}" }
    } : grant => given if local.uses_cloudbuild
  }
  bucket = google_storage_bucket.bucket.name
  role   = each.value.role
  member = local.builder_members["cloudbuild"]
  condition {
    title      = "boatyard-${each.key}"
    expression = each.value.expression
  }
}

# Values of secrets: only builds read them.
resource "google_project_iam_member" "builder_secrets" {
  for_each = toset(local.cloudbuild_keys)
  project  = local.project
  role     = "roles/secretmanager.secretAccessor"
  member   = local.builder_members[each.key]
  condition {
    title      = "boatyard-${var.name}-secrets"
    expression = local.in_secrets
  }
}

# The functions start builds, which run as the builds' account. There is no narrower resource than the project.
resource "google_project_iam_member" "run_builds" {
  #checkov:skip=CKV_GCP_49:Cloud Build has no role on anything narrower. Which account a build may run as is act_as_builder's.
  for_each = { for key, member in local.function_members : key => member if local.uses_cloudbuild }
  project  = local.project
  role     = "roles/cloudbuild.builds.editor"
  member   = each.value
}

resource "google_project_iam_member" "use_pool" {
  for_each = { for key, member in local.function_members : key => member if local.uses_cloudbuild && var.cloudbuild.pool != null }
  project  = split("/", coalesce(var.cloudbuild.pool, "projects/"))[1]
  role     = "roles/cloudbuild.workerPoolUser"
  member   = each.value
}

resource "google_service_account_iam_member" "act_as_builder" {
  for_each           = { for key, member in local.function_members : key => member if local.uses_cloudbuild }
  service_account_id = google_service_account.builder["cloudbuild"].name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value
}
