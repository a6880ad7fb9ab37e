# Cloud Run's IAM checks each caller's ID token before the function runs, and the function trusts its e-mail. So no
# unchecked caller may reach it. These are the services' whole policies: the next apply removes members that somebody added
# elsewhere, in any role. `allUsers` is a member only with var.anonymous, and then the function ignores tokens.

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
