# The function's access to the cluster (iam.tf has its role there, which gives no right inside). The objects in the cluster are
# modules/kubernetes, shared by all clouds.

module "kubernetes" {
  source = "../modules/kubernetes"
  count  = local.runner == "kubernetes" ? 1 : 0
  name   = var.name
  namespaces = {
    for key, namespace in module.settings.namespaces : namespace => {
      service_account_annotations = {
        "azure.workload.identity/client-id" = azurerm_user_assigned_identity.builder[key].client_id
        "azure.workload.identity/tenant-id" = local.tenant
      }
    }
  }
  create_namespaces       = var.cluster.namespaces
  create_service_accounts = var.cluster.service_accounts
  # AKS knows a managed identity by its object id.
  function_subjects  = [{ kind = "User", name = azurerm_user_assigned_identity.function.principal_id }]
  service_account    = local.image_builder.kubernetes.serviceAccount
  image_pull_secrets = coalesce(local.image_builder.kubernetes.imagePullSecrets, [])
  pod_security       = module.settings.pod_security
  config_map         = { name = local.image_builder.targetConfigMapName, data = { "settings.json" = module.settings.json } }
  buildkitd          = module.settings.buildkitd
}
