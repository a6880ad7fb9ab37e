# Everything is in one resource group. Names of storage accounts, vaults, registries and apps are unique in all of Azure, so they
# end in a hash of the group.

data "azurerm_client_config" "current" {}

locals {
  location = var.location
  # Not the provider's: for_each over other subscriptions' registries has to know it before an apply.
  subscription = var.subscription_id
  tenant       = data.azurerm_client_config.current.tenant_id
  group_id     = "/subscriptions/${local.subscription}/resourceGroups/${var.resource_group}"
  suffix       = substr(sha256("${local.group_id}/${var.name}"), 0, 8)
  # Where names have neither hyphens nor more than 24 characters.
  compact_name = "${replace(var.name, "-", "")}${local.suffix}"
  # Without a cluster ACR Tasks runs the builds, unless the function itself does.
  runner         = var.inline != null ? "inline" : var.cluster == null ? "acrtasks" : "kubernetes"
  inline_enabled = local.runner == "inline"
  uses_acrtasks  = local.runner == "acrtasks" || try(var.inline.acrtasks, false)
}
