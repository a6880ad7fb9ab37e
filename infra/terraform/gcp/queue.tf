# The topic of events, which Pub/Sub pushes to the function. Pub/Sub delivers a failed message again, and moves it to the dead
# letters after a few attempts.

locals {
  events_enabled = var.events.specs || length(local.base_projects) > 0 || var.events.drift_schedule != null || local.inline_enabled
  # Empty, or one name: the key of everything that exists only with events.
  events_keys  = local.events_enabled ? ["events"] : []
  pubsub_agent = "serviceAccount:service-${local.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  # Subscription => topic. Artifact Registry names its topic, one in a project.
  subscriptions = merge(
    { for key in local.events_keys : key => google_pubsub_topic.events[key].id },
    { for project in local.base_projects : "gcr-${project}" => "projects/${project}/topics/gcr" },
  )
}

resource "google_pubsub_topic" "events" {
  #checkov:skip=CKV_GCP_83:Encrypted by Google's own key unless var.encryption names another; messages name builds and hold no secret.
  for_each     = toset(local.events_keys)
  project      = local.project
  name         = "${var.name}-events"
  labels       = var.labels
  kms_key_name = local.kms_key
  depends_on   = [google_kms_crypto_key_iam_member.agent]
}

resource "google_pubsub_topic" "dead_letters" {
  #checkov:skip=CKV_GCP_83:Encrypted by Google's own key unless var.encryption names another; messages name builds and hold no secret.
  for_each                   = toset(local.events_keys)
  project                    = local.project
  name                       = "${var.name}-dead-letters"
  labels                     = var.labels
  message_retention_duration = "2678400s"
  kms_key_name               = local.kms_key
  depends_on                 = [google_kms_crypto_key_iam_member.agent]
}

# Without a subscription, a topic drops its messages.
resource "google_pubsub_subscription" "dead_letters" {
  for_each                   = toset(local.events_keys)
  project                    = local.project
  name                       = "${var.name}-dead-letters"
  topic                      = google_pubsub_topic.dead_letters[each.key].id
  labels                     = var.labels
  message_retention_duration = "604800s"
  retain_acked_messages      = false
  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_topic" "registry" {
  #checkov:skip=CKV_GCP_83:Encrypted by Google's own key unless var.encryption names another; messages are names and digests of images.
  for_each     = toset([for project in local.base_projects : project if project == local.project && var.events.create_registry_topic])
  project      = local.project
  name         = "gcr"
  labels       = var.labels
  kms_key_name = local.kms_key
  depends_on   = [google_kms_crypto_key_iam_member.agent]
}

resource "google_pubsub_subscription" "events" {
  for_each                   = local.subscriptions
  project                    = local.project
  name                       = "${var.name}-${each.key}"
  topic                      = each.value
  labels                     = var.labels
  message_retention_duration = "345600s"
  # Pub/Sub allows 10 to 600.
  ack_deadline_seconds = min(600, local.events_timeout + (local.inline_enabled ? 60 : 0))
  expiration_policy {
    ttl = ""
  }
  push_config {
    push_endpoint = google_cloudfunctions2_function.function["events"].service_config[0].uri
    oidc_token {
      service_account_email = google_service_account.push["events"].email
      audience              = google_cloudfunctions2_function.function["events"].service_config[0].uri
    }
  }
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters["events"].id
    max_delivery_attempts = coalesce(var.events.attempts, local.inline_enabled ? 20 : 5)
  }
  depends_on = [google_pubsub_topic.registry, google_cloud_run_v2_service_iam_policy.invokers]
}

# Pub/Sub calls the function as this account; no other account may.
resource "google_service_account" "push" {
  for_each     = toset(local.events_keys)
  project      = local.project
  account_id   = "${var.name}-push"
  display_name = "Brings Boatyard's events"
}

# Roles of Pub/Sub's service agent: to sign in as the account above, to read undelivered messages, and to publish them to
# the dead letters.
resource "google_service_account_iam_member" "pubsub_signs_in" {
  for_each           = google_service_account.push
  service_account_id = each.value.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "pubsub_takes" {
  for_each     = local.subscriptions
  project      = local.project
  subscription = google_pubsub_subscription.events[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_pubsub_topic_iam_member" "dead_letters" {
  for_each = merge(
    { for key in local.events_keys : "pubsub" => local.pubsub_agent },
    # The function itself publishes events that no retry can fix.
    { for key in local.events_keys : "events" => local.function_members["events"] },
  )
  project = local.project
  topic   = google_pubsub_topic.dead_letters["events"].id
  role    = "roles/pubsub.publisher"
  member  = each.value
}

resource "google_pubsub_topic_iam_member" "events" {
  for_each = merge(
    { for agent in data.google_storage_project_service_account.current : "storage" => "serviceAccount:${agent.email_address}" if var.events.specs },
    # One message for each image to rebuild on a pushed base, and for each build that the function carries out itself.
    { for key, member in local.function_members : key => member if local.inline_enabled || (key == "events" && length(local.base_projects) > 0) },
    { for member in var.events.publishers : member => member if local.events_enabled },
  )
  project = local.project
  topic   = google_pubsub_topic.events["events"].id
  role    = "roles/pubsub.publisher"
  member  = each.value
}
