# Logs of the function, by Application Insights, and who read secrets and images, by diagnostic settings.

locals {
  audited = !var.logs.audit ? {} : merge(
    { for key, vault in azurerm_key_vault.vault : "vault ${key}" => vault.id },
    { for key in local.creates_registry ? ["registry"] : [] : key => azurerm_container_registry.registry[0].id },
  )
}

resource "azurerm_log_analytics_workspace" "logs" {
  name                = "${var.name}-${local.suffix}"
  resource_group_name = var.resource_group
  location            = local.location
  sku                 = "PerGB2018"
  retention_in_days   = var.logs.retention_days
  tags                = var.tags
}

resource "azurerm_application_insights" "insights" {
  name                = "${var.name}-${local.suffix}"
  resource_group_name = var.resource_group
  location            = local.location
  application_type    = "web"
  workspace_id        = azurerm_log_analytics_workspace.logs.id
  # By the function's identity, not by the key in the connection string.
  local_authentication_disabled = true
  tags                          = var.tags
}

resource "azurerm_monitor_diagnostic_setting" "audit" {
  for_each                   = local.audited
  name                       = "boatyard-${var.name}"
  target_resource_id         = each.value
  log_analytics_workspace_id = azurerm_log_analytics_workspace.logs.id
  enabled_log {
    category_group = "audit"
  }
}
