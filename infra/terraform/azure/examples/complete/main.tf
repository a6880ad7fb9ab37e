# A resource group, a network, a cluster, and Boatyard on it with every feature turned on.

module "boatyard" {
  source            = "../.."
  subscription_id   = var.subscription_id
  resource_group    = azurerm_resource_group.group.name
  location          = var.location
  name              = var.name
  bundle            = { path = var.bundle }
  application       = { client_id = var.application_client_id }
  caller_principals = var.caller_principals
  cluster = {
    id                 = azurerm_kubernetes_cluster.cluster.id
    oidc_issuer_url    = azurerm_kubernetes_cluster.cluster.oidc_issuer_url
    kubelet_principals = { nodes = azurerm_user_assigned_identity.kubelet.principal_id }
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
    sku      = "Premium"
    bases    = { (var.golden_registry) = { repositories = ["golden/python"] } }
    push_ids = [var.shared_registry]
  }
  events = {
    specs          = true
    drift_schedule = "0 0 5 * * *"
  }
  function = {
    min_instances = 1
    subnet_id     = azurerm_subnet.functions.id
  }
  tags = { app = "boatyard" }
  # The objects need a cluster with nodes.
  depends_on = [azurerm_kubernetes_cluster.cluster]
}
