# Two functions: one serves the URL, the other the events that Pub/Sub pushes. They are from one bundle, unless the second makes images
# itself.

locals {
  functions = {
    for key, function in {
      http = {
        enabled     = true
        entry_point = "api"
        instances   = var.function.max_instances
        concurrency = var.function.concurrency
        ingress     = "ALLOW_ALL"
        memory      = var.function.memory_mb
        cpu         = var.function.cpu
        timeout     = var.function.timeout_seconds
        object      = google_storage_bucket_object.bundle.name
      }
      events = {
        enabled     = local.events_enabled
        entry_point = "events"
        instances   = coalesce(var.events.concurrency, local.inline_enabled ? 10 : 2)
        concurrency = 1
        # Pub/Sub of the same project counts as internal.
        ingress = "ALLOW_INTERNAL_ONLY"
        memory  = local.inline_enabled ? var.inline.memory_mb : var.function.memory_mb
        cpu     = local.inline_enabled ? var.inline.cpu : var.function.cpu
        timeout = local.events_timeout
        object  = one(concat([for object in google_storage_bucket_object.inline : object.name], local.inline_enabled ? [] : [google_storage_bucket_object.bundle.name]))
      }
    } : key => merge(function, { name = "${var.name}-${key}" }) if function.enabled
  }
  events_timeout = local.inline_enabled ? var.inline.timeout_seconds : var.function.timeout_seconds
  # "python3.13" of the bundle's document is Google's python313.
  bundle_runtime = try(replace(local.bundle.runtime, ".", ""), null)
  runtime        = coalesce(var.function.runtime, local.bundle_runtime, "python313")
  # adapters/gcp/boatyard_gcp/configuration.py explains each.
  environment = merge(
    {
      BOATYARD_PROJECT             = local.project
      BOATYARD_SETTINGS            = module.settings.json
      BOATYARD_BUCKET              = local.bucket_name
      BOATYARD_DEPLOYMENT_KEY      = "projects/${local.project}/secrets/${google_secret_manager_secret.deployment_key.secret_id}"
      BOATYARD_RUNNER              = local.runner
      BOATYARD_SECRET_PREFIX       = var.name
      BOATYARD_CREATE_REPOSITORIES = tostring(var.repository.create_missing)
      BOATYARD_REPOSITORY_TAGS     = var.repository.tag_mutability
      BOATYARD_PIN_BASES           = tostring(local.remembers_bases)
    },
    # Either Cloud Run's IAM checks every caller, or the owner has opened the function to everybody.
    var.anonymous ? { BOATYARD_ANONYMOUS = "true" } : { BOATYARD_INVOKERS_CHECKED = "true" },
    { for name in local.cluster_name[*] : "BOATYARD_CLUSTER" => name },
    { for key in local.kms_key[*] : "BOATYARD_KMS_KEY" => key },
    merge([
      for key in local.cloudbuild_keys : merge(
        {
          BOATYARD_CLOUDBUILD_ACCOUNT       = google_service_account.builder[key].email
          BOATYARD_CLOUDBUILD_LOCATION      = local.cloudbuild_location
          BOATYARD_CLOUDBUILD_LOGS          = "gs://${google_storage_bucket.logs[key].name}/builds"
          BOATYARD_CLOUDBUILD_QUEUE_SECONDS = tostring(60 * var.cloudbuild.queued_minutes)
        },
        { for image in local.builder_image[*] : "BOATYARD_CLOUDBUILD_IMAGE" => image },
        { for pool in var.cloudbuild.pool[*] : "BOATYARD_CLOUDBUILD_POOL" => pool },
        { for machine in var.cloudbuild.machine_type[*] : "BOATYARD_CLOUDBUILD_MACHINE" => machine },
        { for size in var.cloudbuild.disk_gb[*] : "BOATYARD_CLOUDBUILD_DISK_GB" => tostring(size) },
      )
    ]...),
    { for key in local.cloudbuild_keys : "BOATYARD_INLINE_OTHER" => "cloudbuild" if local.inline_enabled },
    { for inline in var.inline[*] : "BOATYARD_EVENT_SECONDS" => tostring(inline.timeout_seconds) },
    { for topic in google_pubsub_topic.events : "BOATYARD_QUEUE" => "projects/${local.project}/topics/${topic.name}" },
    { for topic in google_pubsub_topic.dead_letters : "BOATYARD_DEAD_LETTERS" => "projects/${local.project}/topics/${topic.name}" },
    var.function.environment,
  )
}

resource "google_cloudfunctions2_function" "function" {
  #checkov:skip=CKV_GCP_124:The URL is for clients anywhere; Cloud Run's IAM checks each. Events come from inside.
  for_each    = local.functions
  project     = local.project
  name        = each.value.name
  description = "Boatyard: ${each.key}"
  location    = local.region
  labels      = var.labels
  build_config {
    runtime           = local.runtime
    entry_point       = each.value.entry_point
    docker_repository = google_artifact_registry_repository.repository["functions"].id
    service_account   = google_service_account.deploy.name
    # The bundle contains its packages, so the buildpack uses no index.
    environment_variables = try(local.bundle.buildEnvironment, { GOOGLE_VENDOR_PIP_DEPENDENCIES = "wheels" })
    source {
      storage_source {
        bucket = google_storage_bucket.bucket.name
        object = each.value.object
      }
    }
  }
  service_config {
    service_account_email            = google_service_account.function[each.key].email
    available_memory                 = "${each.value.memory}Mi"
    available_cpu                    = each.value.cpu
    timeout_seconds                  = each.value.timeout
    min_instance_count               = each.key == "http" ? var.function.min_instances : 0
    max_instance_count               = each.value.instances
    max_instance_request_concurrency = each.value.concurrency
    ingress_settings                 = each.value.ingress
    all_traffic_on_latest_revision   = true
    environment_variables            = local.environment
    vpc_connector                    = try(var.function.vpc.connector, null)
    vpc_connector_egress_settings    = try(var.function.vpc.egress, null)
  }
  lifecycle {
    precondition {
      condition     = coalesce(local.bundle_runtime, local.runtime) == local.runtime
      error_message = "The bundle was made for ${coalesce(local.bundle_runtime, "?")}, the function is ${local.runtime}."
    }
    precondition {
      condition     = !local.needs_builder_image || local.builder_image != null
      error_message = "Builds have no image: neither the document beside the bundle (`make bundle CLOUD=gcp` writes both) nor cloudbuild.image or image_builder.kubernetes.builderImage names one."
    }
  }
  # A function must not serve requests before its account has its roles, nor be built before the account that builds it has its roles.
  depends_on = [
    google_artifact_registry_repository_iam_member.own,
    google_project_iam_member.deploy,
    google_secret_manager_secret_iam_member.deployment_key,
    google_storage_bucket_iam_member.function,
  ]
}
