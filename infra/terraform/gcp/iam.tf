# The functions' accounts: Artifact Registry Reader like the proxy of Union's Image Builder, and what the other parts need. Each
# role is on its resource; where that is the project, no narrower one exists. docs/deploy-gcp.md gives the reason for each.

locals {
  function_members = { for key, account in google_service_account.function : key => "serviceAccount:${account.email}" }
  builder_members  = { for key, account in google_service_account.builder : key => "serviceAccount:${account.email}" }
  # Function => folders in which it reads and writes.
  function_folders = {
    for key, folders in {
      http   = []
      events = ["results", "drift"]
      } : key => concat(
      ["contexts"],
      local.remembers_bases ? ["bases"] : [],
      # On a cluster the records are the cluster's jobs.
      local.runner == "kubernetes" ? [] : ["jobs", "builds", "open"],
      key == "events" && local.inline_enabled ? ["logs"] : [],
      folders,
    ) if contains(keys(local.functions), key)
  }
}

resource "google_service_account" "function" {
  for_each     = local.functions
  project      = local.project
  account_id   = each.value.name
  display_name = "Boatyard's function ${each.key}"
}

# Signed URLs without a key file. A signed URL has the function's own permissions.
resource "google_service_account_iam_member" "function_signs" {
  for_each           = google_service_account.function
  service_account_id = each.value.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "serviceAccount:${each.value.email}"
}

resource "google_storage_bucket_iam_member" "function" {
  for_each = local.function_folders
  bucket   = google_storage_bucket.bucket.name
  role     = "roles/storage.objectUser"
  member   = local.function_members[each.key]
  condition {
    title      = "boatyard-${each.key}"
    expression = join(" || ", concat([local.on_bucket], [for folder in each.value : local.in_folder[folder]]))
  }
}

resource "google_storage_bucket_iam_member" "specs" {
  for_each = { for key in keys(local.functions) : key => local.function_members[key] if key == "events" }
  bucket   = google_storage_bucket.bucket.name
  role     = "roles/storage.objectViewer"
  member   = each.value
  condition {
    title      = "boatyard-specs"
    expression = local.in_folder.specs
  }
}

# Cloud Functions builds an image from the bundle, with Cloud Build.
resource "google_service_account" "deploy" {
  project      = local.project
  account_id   = "${var.name}-deploy"
  display_name = "Makes the images of Boatyard's functions"
}

resource "google_project_iam_member" "deploy" {
  for_each = {
    logs = { role = "roles/logging.logWriter", expression = null }
    # Cloud Functions copies the bundle to its own bucket, which it creates at the first deployment.
    source = {
      role       = "roles/storage.objectViewer"
      expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${local.project_number}-${local.region}\")"
    }
  }
  project = local.project
  role    = each.value.role
  member  = "serviceAccount:${google_service_account.deploy.email}"
  dynamic "condition" {
    for_each = each.value.expression[*]
    content {
      title      = "boatyard-${var.name}-${each.key}"
      expression = condition.value
    }
  }
}
