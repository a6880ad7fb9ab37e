# Cloud Run's IAM checks each caller's ID token before the function runs, and the function believes what it says of the caller.
# So nobody else may come in: `allUsers` only by var.anonymous; then the function believes nothing.

resource "google_cloud_run_v2_service_iam_member" "caller" {
  #checkov:skip=CKV_GCP_102:allUsers by var.anonymous only, which is false unless the owner asks for it.
  for_each = var.anonymous ? setunion(var.caller_members, ["allUsers"]) : var.caller_members
  project  = local.project
  location = local.region
  name     = google_cloudfunctions2_function.function["http"].name
  role     = "roles/run.invoker"
  member   = each.key
}
