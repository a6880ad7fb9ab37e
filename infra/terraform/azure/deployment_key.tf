# The key that isolates projects (docs/security.md). The first function that needs it writes it once: it is in no state and no
# plan. It has a vault of its own, because builds read every secret of the other: a vault grants by no prefix of names.

locals {
  vaults = merge(
    { key = "${var.name}-${local.suffix}-k" },
    local.runner != "kubernetes" ? { secrets = "${var.name}-${local.suffix}" } : {},
  )
  deployment_key_name = "${var.name}-deployment-key"
  deployment_key_url  = "https://${local.vaults.key}.vault.azure.net/secrets/${local.deployment_key_name}"
}

resource "azurerm_key_vault" "vault" {
  #checkov:skip=CKV_AZURE_109:The functions have no fixed address; roles say who reads. A firewall needs a network of the owner's.
  #checkov:skip=CKV_AZURE_189:The functions reach it by its public address, with their identity; see the firewall above.
  #checkov:skip=CKV2_AZURE_32:A private endpoint needs a network of the owner's.
  for_each                   = local.vaults
  name                       = each.value
  resource_group_name        = var.resource_group
  location                   = local.location
  tenant_id                  = local.tenant
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  purge_protection_enabled   = true
  soft_delete_retention_days = 90
  tags                       = var.tags
}
