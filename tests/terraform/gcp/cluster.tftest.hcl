# Builds as Jobs of a GKE cluster, with Workload Identity.

mock_provider "google" {
  source = "./tests/mocks"
}

mock_provider "kubernetes" {}

mock_provider "tls" {}

variables {
  bundle   = { path = "tests/bundle.zip" }
  cluster  = { name = "runs", location = "europe-west1", node_accounts = { nodes = "nodes@acme.iam.gserviceaccount.com" } }
  project  = "acme"
  projects = { flytesnacks = { domains = ["development", "production"] } }
  region   = "europe-west1"
}

run "workload_identity" {
  assert {
    condition     = keys(google_service_account.builder) == ["flytesnacks/development", "flytesnacks/production"]
    error_message = "Every project and domain has an account of its own."
  }
  assert {
    condition = { for key, grant in google_service_account_iam_member.workload_identity : key => [grant.role, grant.member] } == {
      "flytesnacks/development" = ["roles/iam.workloadIdentityUser", "serviceAccount:acme.svc.id.goog[flytesnacks-development/boatyard-builder]"]
      "flytesnacks/production"  = ["roles/iam.workloadIdentityUser", "serviceAccount:acme.svc.id.goog[flytesnacks-production/boatyard-builder]"]
    }
    error_message = "Only that namespace's service account becomes the account."
  }
  assert {
    condition     = output.environment.BOATYARD_CLUSTER == "projects/acme/locations/europe-west1/clusters/runs" && output.environment.BOATYARD_RUNNER == "kubernetes"
    error_message = "The function knows the cluster."
  }
  assert {
    condition     = google_project_iam_custom_role.cluster[0].permissions == toset(["container.clusters.connect", "container.clusters.get"]) && keys(google_project_iam_member.cluster) == ["events", "http"]
    error_message = "Both functions find and reach the cluster; RBAC says what they may do there."
  }
  assert {
    condition     = output.builder_image == "europe-west1-docker.pkg.dev/acme/boatyard-builder/builder:1.2.3-0123456789ab" && jsondecode(output.environment.BOATYARD_SETTINGS).kubernetes.builderImage == output.builder_image
    error_message = "Jobs run the image without an engine."
  }
  assert {
    condition     = { for key, grant in google_artifact_registry_repository_iam_member.own : key => grant.role if endswith(key, "node nodes") } == { "images: node nodes" = "roles/artifactregistry.reader", "builder: node nodes" = "roles/artifactregistry.reader" }
    error_message = "Nodes pull images and the builder image."
  }
  assert {
    condition     = length(google_storage_bucket.logs) == 0 && length(google_project_iam_member.run_builds) == 0 && length(google_project_iam_custom_role.secrets) == 0 && length(google_storage_bucket_iam_member.builder) == 0
    error_message = "Cloud Build and Secret Manager are not needed, and a job reads no bucket."
  }
  assert {
    condition     = module.kubernetes[0].buildkitd_replicas == ["tcp://buildkitd-0.buildkitd.boatyard-buildkit.svc:1234"]
    error_message = "buildkit.enabled is the default of Union's Image Builder, and jobs look for it here."
  }
  assert {
    condition     = output.namespaces == tomap({ "flytesnacks/development" = "flytesnacks-development", "flytesnacks/production" = "flytesnacks-production" })
    error_message = "Each project and domain has a namespace."
  }
}

run "an_image_of_ones_own_and_long_names" {
  variables {
    image_builder = { buildkitUri = "tcp://buildkitd.buildkit.svc.cluster.local:1234", kubernetes = { builderImage = "ghcr.io/acme/builder@sha256:0" } }
    projects      = { a-project-whose-name-is-really-long = { domains = ["a-domain-of-some-length"] } }
  }
  assert {
    condition     = output.builder_image == "ghcr.io/acme/builder@sha256:0" && output.builder_repository == null
    error_message = "An image that is named needs no repository."
  }
  assert {
    condition     = alltrue([for account in google_service_account.builder : length(account.account_id) <= 30])
    error_message = "IAM takes 30 characters."
  }
  assert {
    condition     = module.kubernetes[0].buildkitd_replicas == []
    error_message = "A buildkitUri wins over buildkit.enabled."
  }
}

run "no_pod_may_run_buildkit" {
  variables {
    image_builder = { kubernetes = { runBuildkit = false } }
  }
  assert {
    condition     = module.settings.pod_security == "restricted" && module.kubernetes[0].buildkitd_replicas == [] && jsondecode(output.environment.BOATYARD_SETTINGS).layers == "registry"
    error_message = "Namespaces are restricted, nothing runs a buildkitd, and layers are of the registry."
  }
}
