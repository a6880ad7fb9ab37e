# The identities that builds run as. On a cluster every namespace has its own, like the user identities of Union's Image Builder;
# contexts come by signed URL, and secrets from the namespace. ACR Tasks has one.

locals {
  builders = local.runner == "kubernetes" ? keys(module.settings.scopes) : ["acrtasks"]
  # What a build does beside pulling and pushing, with ACR Tasks.
  builder_grants = {
    for grant, given in {
      contexts = { role = "Storage Blob Data Reader", condition = local.in_folder.contexts }
      jobs     = { role = "Storage Blob Data Contributor", condition = local.in_folder.jobs }
    } : grant => given if local.runner == "acrtasks"
  }
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
  for_each             = local.builder_grants
  scope                = local.bucket_id
  role_definition_name = each.value.role
  principal_id         = azurerm_user_assigned_identity.builder["acrtasks"].principal_id
  principal_type       = "ServicePrincipal"
  condition            = each.value.condition
  condition_version    = "2.0"
}

# Values of secrets: only builds read them.
resource "azurerm_role_assignment" "builder_secrets" {
  for_each             = toset(local.runner == "acrtasks" ? ["acrtasks"] : [])
  scope                = azurerm_key_vault.vault["secrets"].id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.builder[each.key].principal_id
  principal_type       = "ServicePrincipal"
}
