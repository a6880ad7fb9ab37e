mock_data "google_project" {
  defaults = { number = "123456789012" }
}

mock_data "google_storage_project_service_account" {
  defaults = { email_address = "service-123456789012@gs-project-accounts.iam.gserviceaccount.com" }
}

mock_resource "google_service_account" {
  defaults = {
    email     = "made@acme.iam.gserviceaccount.com"
    name      = "projects/acme/serviceAccounts/made@acme.iam.gserviceaccount.com"
    unique_id = "100000000000000000001"
  }
}

mock_resource "google_cloudfunctions2_function" {
  defaults = { url = "https://europe-west1-acme.cloudfunctions.net/made" }
}

mock_resource "google_artifact_registry_repository" {
  defaults = { id = "projects/acme/locations/europe-west1/repositories/made", name = "made" }
}

mock_resource "google_project_iam_custom_role" {
  defaults = { name = "projects/acme/roles/made" }
}
