# The events that are published to the topic. An Eventarc trigger cannot select a folder, so it would call the function for
# every object of the bucket, such as the records of builds. The bucket's notification selects one.

locals {
  # Artifact Registry publishes to the topic of the registry's project.
  base_projects = distinct([for name in var.repository.base_names : split("/", name)[1]])
  # Builds are stored by their base only if something uses it.
  remembers_bases = length(var.repository.base_names) > 0 || var.events.drift_schedule != null
}

# Cloud Storage's own account of this project, which publishes its notifications.
data "google_storage_project_service_account" "current" {
  count   = var.events.specs || local.kms_key != null ? 1 : 0
  project = local.project
}

resource "google_storage_notification" "specs" {
  count              = var.events.specs ? 1 : 0
  bucket             = google_storage_bucket.bucket.name
  topic              = google_pubsub_topic.events["events"].id
  payload_format     = "JSON_API_V1"
  event_types        = ["OBJECT_FINALIZE"]
  object_name_prefix = "specs/"
  depends_on         = [google_pubsub_topic_iam_member.events]
}

resource "google_cloud_scheduler_job" "drift" {
  count       = var.events.drift_schedule == null ? 0 : 1
  project     = local.project
  name        = "${var.name}-drift"
  region      = local.region
  description = "Says which images were built on a base that has moved since"
  schedule    = var.events.drift_schedule
  time_zone   = "Etc/UTC"
  pubsub_target {
    topic_name = google_pubsub_topic.events["events"].id
    attributes = { boatyard-event = "scheduled" }
    # functions-framework rejects a push without data.
    data = base64encode("{}")
  }
}
