# The function for events makes images itself (var.inline): it pulls and pushes (repository_iam.tf), and reads the secrets of projects.
# The other function only asks it, by the topic, and reads the logs of its builds.

resource "google_storage_bucket_iam_member" "inline_logs" {
  for_each = { for key, member in local.function_members : key => member if key == "http" && local.inline_enabled }
  bucket   = google_storage_bucket.bucket.name
  role     = "roles/storage.objectViewer"
  member   = each.value
  condition {
    title      = "boatyard-logs"
    expression = local.in_folder.logs
  }
}

resource "google_project_iam_member" "inline_secrets" {
  for_each = { for key, member in local.function_members : key => member if key == "events" && local.inline_enabled }
  project  = local.project
  role     = "roles/secretmanager.secretAccessor"
  member   = each.value
  condition {
    title      = "boatyard-${var.name}-secrets"
    expression = local.in_secrets
  }
}
