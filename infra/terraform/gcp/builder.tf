# The accounts that builds run as. On a cluster every namespace has its own, like the user service accounts of Union's Image
# Builder; contexts come by signed URL, and secrets from the namespace. Cloud Build has one.

locals {
  builder_names = {
    for key in(local.runner == "kubernetes" ? keys(module.settings.scopes) : local.uses_cloudbuild ? ["cloudbuild"] : []) :
    key => "${var.name}-${replace(key, "/", "-")}"
  }
  builders = {
    for key, name in local.builder_names : key => {
      # An account's id has at most 30 characters.
      id = length(name) <= 30 ? name : "${substr(name, 0, 21)}-${substr(sha256(name), 0, 8)}"
    }
  }
}

resource "google_service_account" "builder" {
  for_each     = local.builders
  project      = local.project
  account_id   = each.value.id
  display_name = "Boatyard's builds: ${each.key}"
}

# The page on Union's Image Builder lists iam.serviceAccounts.signBlob on the whole project. On the account itself is enough:
# it signs only for itself.
resource "google_service_account_iam_member" "builder_signs" {
  for_each           = google_service_account.builder
  service_account_id = each.value.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "serviceAccount:${each.value.email}"
}

# Pods of this Kubernetes service account may impersonate the account.
resource "google_service_account_iam_member" "workload_identity" {
  for_each           = local.runner == "kubernetes" ? google_service_account.builder : {}
  service_account_id = each.value.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${local.project}.svc.id.goog[${module.settings.namespaces[each.key]}/${local.image_builder.kubernetes.serviceAccount}]"
}
