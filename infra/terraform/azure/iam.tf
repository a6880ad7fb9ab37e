# The function's roles: AcrPull like the proxy of Union's Image Builder (repository_iam.tf), and what the other parts need. Each
# role is on its resource. docs/deploy-azure.md gives the reason for each.

locals {
  # A name => role and scope. Roles of the deployment's own are named as in secrets.tf.
  function_grants = merge(
    {
      bucket  = { role = "Storage Blob Data Contributor", scope = local.bucket_id }
      sign    = { role = "Storage Blob Delegator", scope = azurerm_storage_account.account["data"].id }
      host    = { role = "Storage Blob Data Owner", scope = azurerm_storage_account.account["host"].id }
      metrics = { role = "Monitoring Metrics Publisher", scope = azurerm_application_insights.insights.id }
    },
    merge([
      for queue, roles in {
        events       = concat(["Storage Queue Data Reader", "Storage Queue Data Message Processor"], length(var.repository.bases) > 0 || local.inline_enabled ? ["Storage Queue Data Message Sender"] : [])
        poison       = ["Storage Queue Data Reader", "Storage Queue Data Message Processor", "Storage Queue Data Message Sender"]
        dead_letters = ["Storage Queue Data Message Sender"]
      } : { for role in roles : "${queue}: ${role}" => { role = role, scope = local.queue_ids[queue] } } if local.events_enabled
    ]...),
    # Values of secrets, which otherwise only builds read.
    local.inline_enabled ? {
      secrets = { role = "Key Vault Secrets User", scope = azurerm_key_vault.vault["secrets"].id }
    } : {},
    local.runner == "kubernetes" ? {
      cluster = { role = "Azure Kubernetes Service Cluster User Role", scope = var.cluster.id }
    } : {},
  )
  function_custom_grants = merge(
    {
      deployment_key = "${azurerm_key_vault.vault["key"].id}/secrets/${local.deployment_key_name}"
      registry       = local.registry_id
    },
    local.runner == "kubernetes" ? {} : {
      secrets = azurerm_key_vault.vault["secrets"].id
    },
    local.uses_acrtasks ? { run_builds = local.registry_id } : {},
  )
}

resource "azurerm_user_assigned_identity" "function" {
  name                = "${var.name}-function"
  resource_group_name = var.resource_group
  location            = local.location
  tags                = var.tags
}

resource "azurerm_role_assignment" "function" {
  for_each             = local.function_grants
  scope                = each.value.scope
  role_definition_name = each.value.role
  principal_id         = azurerm_user_assigned_identity.function.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "function_custom" {
  for_each           = local.function_custom_grants
  scope              = each.value
  role_definition_id = azurerm_role_definition.role[each.key].role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.function.principal_id
  principal_type     = "ServicePrincipal"
}
