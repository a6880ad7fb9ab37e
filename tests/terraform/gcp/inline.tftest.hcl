# The function for events makes images itself: alone, and with Cloud Build beside it.

mock_provider "google" {
  source = "./tests/mocks"
}

mock_provider "kubernetes" {}

mock_provider "tls" {}

variables {
  bundle   = { path = "tests/bundle.zip" }
  events   = { specs = false }
  inline   = {}
  project  = "acme"
  projects = { flytesnacks = { domains = ["development"] } }
  region   = "europe-west1"
}

run "no_dataplane_at_all" {
  assert {
    condition     = length(google_service_account.builder) + length(google_project_iam_member.run_builds) + length(google_storage_bucket.logs) + length(module.kubernetes) == 0
    error_message = "Nothing exists for a dataplane."
  }
  assert {
    condition     = keys(google_artifact_registry_repository.repository) == ["cache", "functions", "images"] && output.builder_image == null
    error_message = "There is no image for builds."
  }
  assert {
    condition     = output.environment.BOATYARD_RUNNER == "inline" && output.environment.BOATYARD_EVENT_SECONDS == "540" && length([for name in keys(output.environment) : name if strcontains(name, "CLOUDBUILD") || strcontains(name, "OTHER")]) == 0
    error_message = "The functions know it."
  }
  assert {
    condition     = jsondecode(output.environment.BOATYARD_SETTINGS).layers == "registry"
    error_message = "Readers of the settings see what makes layers."
  }
  assert {
    condition     = [for key in ["events", "http"] : join(" ", [google_cloudfunctions2_function.function[key].service_config[0].available_memory, google_cloudfunctions2_function.function[key].service_config[0].available_cpu, google_cloudfunctions2_function.function[key].service_config[0].timeout_seconds])] == ["8192Mi 2 540", "512Mi 1 60"]
    error_message = "The function that builds has the room, and the other stays small."
  }
  assert {
    condition     = one(values(google_storage_bucket_object.inline)).source == "tests/bundle-inline.zip" && google_storage_bucket_object.bundle.source == "tests/bundle.zip"
    error_message = "Each function has its archive."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["events"].service_config[0].max_instance_request_concurrency == 1 && google_cloudfunctions2_function.function["events"].service_config[0].max_instance_count == 10
    error_message = "One build an instance."
  }
  assert {
    condition     = google_pubsub_subscription.events["events"].ack_deadline_seconds == 600 && google_pubsub_subscription.events["events"].dead_letter_policy[0].max_delivery_attempts == 20
    error_message = "Pub/Sub waits longer than the longest build, and does not give up while all instances build."
  }
  assert {
    condition     = keys(google_pubsub_topic_iam_member.events) == ["events", "http"]
    error_message = "Both functions ask for builds, and nobody else does."
  }
  assert {
    condition     = toset([for key, grant in google_artifact_registry_repository_iam_member.own : key if grant.role == "roles/artifactregistry.writer"]) == toset(["cache: inline events", "functions: deploy", "images: inline events"])
    error_message = "The function that builds pushes, and no other."
  }
  assert {
    condition     = keys(google_project_iam_member.inline_secrets) == ["events"] && strcontains(google_project_iam_member.inline_secrets["events"].condition[0].expression, "boatyard_") && keys(google_storage_bucket_iam_member.inline_logs) == ["http"]
    error_message = "It reads its projects' secrets; the other function reads its logs."
  }
  assert {
    condition     = strcontains(google_storage_bucket_iam_member.function["events"].condition[0].expression, "objects/logs/") && !strcontains(google_storage_bucket_iam_member.function["http"].condition[0].expression, "objects/logs/")
    error_message = "The function that builds writes logs."
  }
}

run "cloud_build_for_what_needs_a_run" {
  variables {
    events     = {}
    inline     = { cloudbuild = true, bundle = "tests/own.zip", memory_mb = 16384, cpu = "4" }
    repository = { base_names = ["projects/acme/locations/europe-west1/repositories/golden"] }
  }
  assert {
    condition     = output.environment.BOATYARD_RUNNER == "inline" && output.environment.BOATYARD_INLINE_OTHER == "cloudbuild" && endswith(output.environment.BOATYARD_CLOUDBUILD_IMAGE, "-engine")
    error_message = "The functions know both."
  }
  assert {
    condition     = keys(google_service_account.builder) == ["cloudbuild"] && keys(google_project_iam_member.run_builds) == ["events", "http"]
    error_message = "Both functions start builds there: the second one those of which it finds that they need a RUN."
  }
  assert {
    condition     = one(values(google_storage_bucket_object.inline)).source == "tests/own.zip"
    error_message = "An archive that is named is taken."
  }
  assert {
    condition     = length(google_artifact_registry_repository_iam_member.named) == 3 && alltrue([for grant in google_artifact_registry_repository_iam_member.named : grant.role == "roles/artifactregistry.reader"])
    error_message = "Bases are only read: by the builder and both functions."
  }
}

run "refuses_a_cluster_beside_it" {
  command = plan
  variables {
    cluster = { name = "runs", location = "europe-west1" }
  }
  expect_failures = [var.inline]
}

run "refuses_limits_that_google_lacks" {
  command = plan
  variables {
    inline = { memory_mb = 65536, timeout_seconds = 900 }
  }
  expect_failures = [var.inline]
}

run "refuses_a_missing_archive" {
  command = plan
  variables {
    inline = { bundle = "tests/absent.zip" }
  }
  expect_failures = [google_storage_bucket_object.inline]
}
