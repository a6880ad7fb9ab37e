# The functions' access to the cluster. The objects in the cluster are modules/kubernetes, shared by all clouds.

locals {
  cluster_name = var.cluster == null ? null : "projects/${local.project}/locations/${var.cluster.location}/clusters/${var.cluster.name}"
}

# roles/container.clusterViewer has more, and no narrower role has both. They give no right inside the cluster: RBAC does.
resource "google_project_iam_custom_role" "cluster" {
  count       = local.runner == "kubernetes" ? 1 : 0
  project     = local.project
  role_id     = "${local.role_prefix}_cluster"
  title       = "Boatyard ${var.name}: find and reach the cluster"
  permissions = ["container.clusters.get", "container.clusters.connect"]
}

resource "google_project_iam_member" "cluster" {
  for_each = { for key, member in local.function_members : key => member if local.runner == "kubernetes" }
  project  = local.project
  role     = google_project_iam_custom_role.cluster[0].name
  member   = each.value
}

module "kubernetes" {
  source = "../modules/kubernetes"
  count  = local.runner == "kubernetes" ? 1 : 0
  name   = var.name
  namespaces = {
    for key, namespace in module.settings.namespaces : namespace => {
      service_account_annotations = { "iam.gke.io/gcp-service-account" = google_service_account.builder[key].email }
    }
  }
  create_namespaces       = var.cluster.namespaces
  create_service_accounts = var.cluster.service_accounts
  # Depending on the token's scopes, GKE identifies an account by its e-mail or its number.
  function_subjects = flatten([
    for account in google_service_account.function : [
      { kind = "User", name = account.email },
      { kind = "User", name = account.unique_id },
    ]
  ])
  service_account    = local.image_builder.kubernetes.serviceAccount
  image_pull_secrets = coalesce(local.image_builder.kubernetes.imagePullSecrets, [])
  pod_security       = module.settings.pod_security
  config_map         = { name = local.image_builder.targetConfigMapName, data = { "settings.json" = module.settings.json } }
  buildkitd          = module.settings.buildkitd
}
