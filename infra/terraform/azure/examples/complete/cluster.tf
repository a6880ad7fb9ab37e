# A private cluster with Entra ID and Kubernetes RBAC: the function's identity has no rights in it but those of modules/kubernetes.
# The machine that applies this needs a way into the network, to reach the API server.

resource "azurerm_user_assigned_identity" "cluster" {
  name                = "${var.name}-cluster"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
}

# The kubelet's identity pulls images. It exists before the cluster, so that its roles can be planned.
resource "azurerm_user_assigned_identity" "kubelet" {
  name                = "${var.name}-kubelet"
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
}

resource "azurerm_role_assignment" "cluster" {
  for_each = {
    "Managed Identity Operator" = azurerm_user_assigned_identity.kubelet.id
    "Network Contributor"       = azurerm_virtual_network.network.id
  }
  scope                = each.value
  role_definition_name = each.key
  principal_id         = azurerm_user_assigned_identity.cluster.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_kubernetes_cluster" "cluster" {
  #checkov:skip=CKV_AZURE_4:Container Insights costs by volume; a workspace is the owner's decision.
  #checkov:skip=CKV_AZURE_6:The API server has a private address only, so there are no ranges to allow.
  #checkov:skip=CKV_AZURE_116:Azure Policy needs policies of the owner's own; this is an example.
  #checkov:skip=CKV_AZURE_117:Disks are encrypted by Azure's own key; an owner's key needs a vault and its rotation.
  #checkov:skip=CKV_AZURE_168:Fifty pods a node are the default of Azure CNI's overlay, and builds are few.
  #checkov:skip=CKV_AZURE_170:The Standard tier has an agreed uptime, and costs; this is an example.
  #checkov:skip=CKV_AZURE_172:Builds mount no secrets of a CSI driver.
  #checkov:skip=CKV_AZURE_226:Ephemeral disks need a machine size with a large cache; this is an example.
  #checkov:skip=CKV_AZURE_227:Encryption at the host has to be enabled in the subscription first.
  #checkov:skip=CKV_AZURE_232:One pool for all; critical add-ons of their own are the owner's decision.
  name                              = var.name
  resource_group_name               = azurerm_resource_group.group.name
  location                          = var.location
  dns_prefix                        = var.name
  automatic_upgrade_channel         = "stable"
  node_os_upgrade_channel           = "NodeImage"
  local_account_disabled            = true
  oidc_issuer_enabled               = true
  private_cluster_enabled           = true
  role_based_access_control_enabled = true
  workload_identity_enabled         = true
  default_node_pool {
    name           = "builds"
    node_count     = 2
    vm_size        = "Standard_D4ds_v5"
    os_sku         = "AzureLinux"
    vnet_subnet_id = azurerm_subnet.nodes.id
    upgrade_settings {
      max_surge = "10%"
    }
  }
  azure_active_directory_role_based_access_control {
    azure_rbac_enabled     = false
    admin_group_object_ids = var.admin_groups
  }
  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.cluster.id]
  }
  kubelet_identity {
    client_id                 = azurerm_user_assigned_identity.kubelet.client_id
    object_id                 = azurerm_user_assigned_identity.kubelet.principal_id
    user_assigned_identity_id = azurerm_user_assigned_identity.kubelet.id
  }
  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_policy      = "cilium"
    network_data_plane  = "cilium"
    outbound_type       = "userAssignedNATGateway"
    pod_cidr            = "10.24.0.0/14"
    service_cidr        = "10.28.0.0/20"
    dns_service_ip      = "10.28.0.10"
  }
  depends_on = [azurerm_role_assignment.cluster, azurerm_subnet_nat_gateway_association.nat]
}
