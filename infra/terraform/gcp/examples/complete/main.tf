# A network, a cluster, and Boatyard on it with every feature turned on.

module "boatyard" {
  source         = "../.."
  project        = var.project
  region         = var.region
  name           = var.name
  bundle         = { path = var.bundle }
  caller_members = var.caller_members
  cluster = {
    name          = google_container_cluster.cluster.name
    location      = google_container_cluster.cluster.location
    node_accounts = { nodes = google_service_account.nodes.email }
  }
  projects = {
    flytesnacks = { domains = ["development", "staging", "production"] }
    research    = { domains = ["development"] }
  }
  image_builder = {
    buildkit = { enabled = true }
    kubernetes = {
      replicas = 2
      requests = { cpu = "2", memory = "4Gi" }
      limits   = { memory = "12Gi" }
    }
    output = { provenance = "min", sbom = true }
  }
  repository = {
    base_names = ["projects/${var.project}/locations/${var.region}/repositories/golden"]
    push_names = ["projects/shared-images/locations/${var.region}/repositories/team"]
  }
  events = {
    specs          = true
    drift_schedule = "0 5 * * *"
  }
  function = { min_instances = 1 }
  labels   = { app = "boatyard" }
  # The objects need a cluster with nodes.
  depends_on = [google_container_node_pool.builds]
}
