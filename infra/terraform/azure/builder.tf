# The identities that builds run as. On a cluster every namespace has its own, like the user identities of Union's Image Builder;
# contexts come by signed URL, and secrets from the namespace. ACR Tasks has one.

locals {
  builders = local.runner == "kubernetes" ? keys(module.settings.scopes) : local.uses_acrtasks ? ["acrtasks"] : []
  # What a build does with the container, with ACR Tasks: a role of the deployment's own for each folder.
  builder_folders = local.uses_acrtasks ? ["contexts", "jobs"] : []
  builder_keys    = local.uses_acrtasks ? ["acrtasks"] : []
}

resource "azurerm_user_assigned_identity" "builder" {
  for_each            = toset(local.builders)
  name                = "${var.name}-builder-${replace(each.key, "/", "-")}"
  resource_group_name = var.resource_group
  location            = local.location
  tags                = var.tags
}

# Pods of that one Kubernetes service account become the identity.
resource "azurerm_federated_identity_credential" "builder" {
  for_each            = local.runner == "kubernetes" ? azurerm_user_assigned_identity.builder : {}
  name                = "boatyard"
  resource_group_name = var.resource_group
  parent_id           = each.value.id
  issuer              = var.cluster.oidc_issuer_url
  audience            = ["api://AzureADTokenExchange"]
  subject             = "system:serviceaccount:${module.settings.namespaces[each.key]}:${local.image_builder.kubernetes.serviceAccount}"
}

resource "azurerm_role_assignment" "builder" {
  for_each           = toset(local.builder_folders)
  scope              = local.bucket_id
  role_definition_id = azurerm_role_definition.role[each.key].role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.builder["acrtasks"].principal_id
  principal_type     = "ServicePrincipal"
  condition          = local.in_folder[each.key]
  condition_version  = "2.0"
}

# A build signs URLs of its context again: those of the function may have ended while it waited. They have its own rights.
resource "azurerm_role_assignment" "builder_signs" {
  for_each             = toset(local.builder_keys)
  scope                = azurerm_storage_account.account["data"].id
  role_definition_name = "Storage Blob Delegator"
  principal_id         = azurerm_user_assigned_identity.builder[each.key].principal_id
  principal_type       = "ServicePrincipal"
}

# Values of secrets: only builds read them.
resource "azurerm_role_assignment" "builder_secrets" {
  for_each             = toset(local.builder_keys)
  scope                = azurerm_key_vault.vault["secrets"].id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.builder[each.key].principal_id
  principal_type       = "ServicePrincipal"
}
