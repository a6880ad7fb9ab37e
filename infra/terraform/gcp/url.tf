# Cloud Run's IAM checks each caller's ID token before the function runs, and the function believes what it says of the caller.
# So nobody else may come in. These are the services' whole policies: a member that somebody adds by hand, in any role, is
# removed by the next apply. `allUsers` is there by var.anonymous only; then the function believes nothing.

locals {
  invokers = {
    for key, members in {
      http   = var.anonymous ? setunion(var.caller_members, ["allUsers"]) : var.caller_members
      events = toset([for account in google_service_account.push : "serviceAccount:${account.email}"])
    } : key => members if contains(keys(local.functions), key)
  }
}

data "google_iam_policy" "invokers" {
  for_each = local.invokers
  # A policy without callers has no binding.
  dynamic "binding" {
    for_each = length(each.value) == 0 ? [] : [each.value]
    content {
      role    = "roles/run.invoker"
      members = binding.value
    }
  }
}

resource "google_cloud_run_v2_service_iam_policy" "invokers" {
  for_each    = local.invokers
  project     = local.project
  location    = local.region
  name        = google_cloudfunctions2_function.function[each.key].name
  policy_data = data.google_iam_policy.invokers[each.key].policy_data
}

# The check itself can be switched off, by hand and for the whole service.
data "google_cloud_run_v2_service" "http" {
  count    = var.anonymous ? 0 : 1
  project  = local.project
  location = local.region
  name     = google_cloudfunctions2_function.function["http"].name
  lifecycle {
    postcondition {
      condition     = !coalesce(self.invoker_iam_disabled, false)
      error_message = "Cloud Run's IAM does not check callers of ${self.name}, so any of them could be taken for another: run `gcloud run services update ${self.name} --region=${self.location} --invoker-iam-check`, or set anonymous."
    }
  }
}
