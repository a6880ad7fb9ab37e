# Builds in Cloud Build: the least that can be asked for, and what is refused.

mock_provider "google" {
  source = "./tests/mocks"
}

mock_provider "kubernetes" {}

mock_provider "tls" {}

variables {
  bundle   = { path = "tests/bundle.zip" }
  project  = "acme"
  projects = { flytesnacks = { domains = ["development"] } }
  region   = "europe-west1"
}

run "the_least" {
  assert {
    condition     = keys(google_service_account.builder) == ["cloudbuild"] && length(module.kubernetes) == 0
    error_message = "Without a cluster Cloud Build builds, as one account."
  }
  assert {
    condition = [for name in ["RUNNER", "PROJECT", "BUCKET", "SECRET_PREFIX", "CLOUDBUILD_LOCATION", "INVOKERS_CHECKED"] :
    google_cloudfunctions2_function.function["http"].service_config[0].environment_variables["BOATYARD_${name}"]] == ["cloudbuild", "acme", "boatyard-acme-europe-west1", "boatyard", "europe-west1", "true"]
    error_message = "The function knows where it is."
  }
  assert {
    condition     = output.environment.BOATYARD_DEPLOYMENT_KEY == "projects/acme/secrets/boatyard-deployment-key"
    error_message = "The function knows the secret with the deployment's key."
  }
  assert {
    condition     = output.environment.BOATYARD_CLOUDBUILD_LOGS == "gs://boatyard-acme-europe-west1-logs/builds" && output.environment.BOATYARD_QUEUE == "projects/acme/topics/boatyard-events" && output.environment.BOATYARD_DEAD_LETTERS == "projects/acme/topics/boatyard-dead-letters"
    error_message = "Logs have a bucket of their own, and events two topics."
  }
  assert {
    condition     = jsondecode(output.environment.BOATYARD_SETTINGS).buildkit.driver == "buildx" && jsondecode(output.environment.BOATYARD_SETTINGS).authenticationType == "google"
    error_message = "A step has a Docker engine, and signs in as Google's."
  }
  assert {
    condition     = output.default_repository == "europe-west1-docker.pkg.dev/acme/boatyard" && jsondecode(output.environment.BOATYARD_SETTINGS).cache.repository == "europe-west1-docker.pkg.dev/acme/boatyard-cache/cache"
    error_message = "Images have names below the repository; the cache has one."
  }
  assert {
    condition     = output.builder_image == "europe-west1-docker.pkg.dev/acme/boatyard-builder/builder:1.2.3-0123456789ab-engine" && output.environment.BOATYARD_CLOUDBUILD_IMAGE == output.builder_image
    error_message = "Cloud Build runs the image with an engine."
  }
  assert {
    condition     = [for key in ["http", "events"] : google_cloudfunctions2_function.function[key].build_config[0].entry_point] == ["api", "events"] && google_cloudfunctions2_function.function["http"].build_config[0].runtime == "python311"
    error_message = "Both functions are of one bundle, on its runtime."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["events"].service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
    error_message = "Nobody but Pub/Sub brings events."
  }
  assert {
    condition     = length(data.google_iam_policy.invokers["http"].binding) == 0 && keys(google_cloud_run_v2_service_iam_policy.invokers) == ["events", "http"]
    error_message = "Nobody calls who is not named, and whoever was added by hand is removed."
  }
  assert {
    condition     = alltrue([for bucket in [google_storage_bucket.bucket, google_storage_bucket.logs["cloudbuild"]] : bucket.uniform_bucket_level_access && bucket.public_access_prevention == "enforced"])
    error_message = "No object is public."
  }
  assert {
    condition     = google_artifact_registry_repository.repository["images"].docker_config[0].immutable_tags && !google_artifact_registry_repository.repository["cache"].docker_config[0].immutable_tags
    error_message = "Images keep their tags; a cache overwrites its own."
  }
  assert {
    condition     = google_storage_notification.specs[0].object_name_prefix == "specs/" && tolist(google_storage_notification.specs[0].event_types) == tolist(["OBJECT_FINALIZE"])
    error_message = "Only specs are events, not the records of builds."
  }
  assert {
    condition     = google_pubsub_subscription.events["events"].dead_letter_policy[0].max_delivery_attempts == 5 && google_pubsub_subscription.events["events"].expiration_policy[0].ttl == ""
    error_message = "What fails goes to the dead letters, and no pause ends a subscription."
  }
  assert {
    condition     = keys(google_pubsub_subscription.events) == ["events"] && length(google_cloud_scheduler_job.drift) == 0
    error_message = "Bases and drift are asked for."
  }
  assert {
    condition     = output.builder_repository == "europe-west1-docker.pkg.dev/acme/boatyard-builder/builder" && output.cross_project_grants == []
    error_message = "There is a repository for the builder image, and nothing to ask of another project."
  }
}

run "callers_bases_and_drift" {
  variables {
    caller_members = ["user:ann@acme.test", "group:builders@acme.test"]
    events         = { drift_schedule = "0 5 * * *" }
    repository     = { base_names = ["projects/acme/locations/europe-west1/repositories/golden", "projects/other/locations/us/repositories/base"] }
  }
  assert {
    condition     = { for key, policy in data.google_iam_policy.invokers : key => flatten([for binding in policy.binding : [for member in binding.members : "${binding.role} ${member}"]]) } == { events = ["roles/run.invoker serviceAccount:made@acme.iam.gserviceaccount.com"], http = ["roles/run.invoker group:builders@acme.test", "roles/run.invoker user:ann@acme.test"] }
    error_message = "Callers are who is named, and Pub/Sub's account calls the other function."
  }
  assert {
    condition     = { for key, subscription in google_pubsub_subscription.events : key => subscription.topic if key != "events" } == { gcr-acme = "projects/acme/topics/gcr", gcr-other = "projects/other/topics/gcr" }
    error_message = "Each registry's project has a topic of pushes."
  }
  assert {
    condition     = keys(google_pubsub_topic.registry) == ["acme"]
    error_message = "This project's topic is made, another's is not."
  }
  assert {
    condition     = google_cloud_scheduler_job.drift[0].pubsub_target[0].attributes == tomap({ boatyard-event = "scheduled" }) && length(base64decode(google_cloud_scheduler_job.drift[0].pubsub_target[0].data)) > 0
    error_message = "The schedule's message is what boatyard_gcp.events knows."
  }
  assert {
    condition     = output.environment.BOATYARD_PIN_BASES == "true"
    error_message = "Builds are stored by their base."
  }
  assert {
    condition     = distinct([for grant in output.cross_project_grants : "${grant.repository} ${grant.role}"]) == tolist(["projects/other/locations/us/repositories/base roles/artifactregistry.reader"])
    error_message = "The other project is asked to let them pull, and nothing else."
  }
  assert {
    condition     = length(google_artifact_registry_repository_iam_member.named) == 3 && alltrue([for grant in google_artifact_registry_repository_iam_member.named : grant.project == "acme"])
    error_message = "Nothing is granted in another project unasked."
  }
}

run "another_projects_repository" {
  variables {
    cross_project = { grant = true }
    image_builder = { defaultRepository = "us-docker.pkg.dev/other/team/images" }
  }
  assert {
    condition     = !contains(keys(google_artifact_registry_repository.repository), "images")
    error_message = "A repository that is named is not made."
  }
  assert {
    condition = { for key, grant in google_artifact_registry_repository_iam_member.named : key => join(" ", [grant.project, grant.location, grant.repository, grant.role]) } == {
      "projects/other/locations/us/repositories/team: builder cloudbuild" = "other us team roles/artifactregistry.writer"
      "projects/other/locations/us/repositories/team: function events"    = "other us team roles/artifactregistry.reader"
      "projects/other/locations/us/repositories/team: function http"      = "other us team roles/artifactregistry.reader"
    }
    error_message = "The roles are granted there, when asked for."
  }
}

run "layers_beside_the_images" {
  variables {
    repository = { layer_days = 30, cache = { create = false } }
  }
  assert {
    condition     = one([for policy in google_artifact_registry_repository.repository["images"].cleanup_policies : join(" ", concat(policy.condition[0].tag_prefixes, [policy.condition[0].older_than])) if policy.id == "layers"]) == "prefix- wheels- facts- 2592000s"
    error_message = "Layers expire by their tags."
  }
}

run "images_that_share_a_repository_with_layers" {
  variables {
    image_builder = { repositoryLayout = "one" }
    repository    = { layer_days = 30, cache = { create = false } }
  }
  assert {
    condition     = [for policy in google_artifact_registry_repository.repository["images"].cleanup_policies : policy.id] == ["untagged"]
    error_message = "An image's tag may begin like a layer's there."
  }
}

run "another_registry_a_pool_and_no_events" {
  variables {
    cloudbuild    = { image = "ghcr.io/acme/builder:1", location = "global", pool = "projects/pools/locations/us/workerPools/big" }
    events        = { specs = false }
    image_builder = { defaultRepository = "ghcr.io/acme/images", authenticationType = "noop" }
    repository    = { cache = { create = false } }
  }
  assert {
    condition     = keys(google_artifact_registry_repository.repository) == ["functions"] && output.builder_image == "ghcr.io/acme/builder:1"
    error_message = "Only what Cloud Functions needs is made."
  }
  assert {
    condition     = google_project_iam_member.use_pool["http"].project == "pools" && output.environment.BOATYARD_CLOUDBUILD_POOL == "projects/pools/locations/us/workerPools/big"
    error_message = "The function may use the pool, in its project."
  }
  assert {
    condition     = keys(google_cloudfunctions2_function.function) == ["http"] && length(google_pubsub_topic.events) == 0 && length(google_pubsub_subscription.events) == 0 && length(google_pubsub_topic_iam_member.dead_letters) == 0
    error_message = "Without events there is no topic and no second function."
  }
}

run "open_to_everybody" {
  variables {
    anonymous = true
  }
  assert {
    condition     = flatten([for binding in data.google_iam_policy.invokers["http"].binding : tolist(binding.members)]) == ["allUsers"]
    error_message = "Everybody, because it was asked for."
  }
  assert {
    condition     = output.environment.BOATYARD_ANONYMOUS == "true" && !contains(keys(output.environment), "BOATYARD_INVOKERS_CHECKED")
    error_message = "Then the function believes nothing that is said of a caller."
  }
}

run "refuses_a_service_whose_callers_nobody_checks" {
  override_data {
    target = data.google_cloud_run_v2_service.http
    values = { invoker_iam_disabled = true }
  }
  expect_failures = [data.google_cloud_run_v2_service.http]
}

run "repositories_that_the_function_makes" {
  variables {
    repository = { create_missing = true, push_names = ["projects/acme/locations/europe-west1/repositories/later"] }
  }
  assert {
    condition     = length(google_artifact_registry_repository_iam_member.named) == 0 && google_project_iam_member.repositories["builder cloudbuild"].role == "roles/artifactregistry.writer" && google_project_iam_member.repositories["function http"].role == "roles/artifactregistry.reader"
    error_message = "What does not exist yet has no roles of its own."
  }
  assert {
    condition     = google_project_iam_custom_role.make_repositories[0].permissions == toset(["artifactregistry.repositories.create"])
    error_message = "Making is all that is added."
  }
}

run "a_key_of_ones_own" {
  state_key = "encrypted" # the secret of a deployment that exists keeps its replication
  variables {
    encryption = { key_name = "projects/keys/locations/europe-west1/keyRings/ring/cryptoKeys/key" }
    repository = { base_names = ["projects/acme/locations/europe-west1/repositories/golden"] }
  }
  assert {
    condition = toset(concat(
      [google_storage_bucket.bucket.encryption[0].default_kms_key_name, google_storage_bucket.logs["cloudbuild"].encryption[0].default_kms_key_name],
      [for topic in [google_pubsub_topic.events["events"], google_pubsub_topic.dead_letters["events"], google_pubsub_topic.registry["acme"]] : topic.kms_key_name],
      values(google_artifact_registry_repository.repository)[*].kms_key_name,
      [google_secret_manager_secret.deployment_key.replication[0].user_managed[0].replicas[0].customer_managed_encryption[0].kms_key_name],
      [output.environment.BOATYARD_KMS_KEY],
    )) == toset(["projects/keys/locations/europe-west1/keyRings/ring/cryptoKeys/key"])
    error_message = "All that keeps data is encrypted by it, and the function makes secrets with it."
  }
  assert {
    condition     = toset([for grant in google_kms_crypto_key_iam_member.agent : grant.member]) == toset([for agent in ["gcp-sa-artifactregistry", "gcp-sa-pubsub", "gcp-sa-secretmanager", "gs-project-accounts"] : "serviceAccount:service-123456789012@${agent}.iam.gserviceaccount.com"])
    error_message = "Google's service agents use it, and no account of ours."
  }
}

run "refuses_wrong_variables" {
  command = plan
  variables {
    caller_members = ["allUsers"]
    cloudbuild     = { pool = "big" }
    encryption     = { key_name = "projects/keys/locations/us/keyRings/ring/cryptoKeys/key" }
    events         = { drift_schedule = "rate(1 day)", attempts = 3 }
    function       = { runtime = "python39", timeout_seconds = 10 }
    name           = "a_name" # secrets of two deployments are kept apart by the underscore after the name
    repository     = { push_names = ["projects/acme/locations/europe-west1/repositories/*"] }
  }
  expect_failures = [var.caller_members, var.cloudbuild, var.encryption, var.events, var.function, var.name, var.repository]
}

run "refuses_another_runtime_than_the_bundles" {
  command = plan
  variables {
    function = { runtime = "python312" }
  }
  expect_failures = [google_cloudfunctions2_function.function]
}

run "refuses_a_bundle_that_names_no_image" {
  command = plan
  variables {
    bundle = { path = "tests/own.zip" }
  }
  expect_failures = [google_cloudfunctions2_function.function]
}

run "refuses_a_missing_bundle" {
  command = plan
  variables {
    bundle = { path = "tests/absent.zip" }
  }
  expect_failures = [var.bundle]
}
