# The registry of images, of the build cache and of the builder image. A push makes a repository, so there is nothing else to
# create. Tags of images are locked by nobody; docs/deploy-azure.md has the command.

locals {
  creates_registry = var.repository.registry_id == null
  registry_name    = local.creates_registry ? coalesce(var.repository.registry_name, local.compact_name) : split("/", var.repository.registry_id)[8]
  # From names, not from the resource: the settings know it before an apply.
  login_server = lower("${local.registry_name}.azurecr.io")
  registry_id  = local.creates_registry ? azurerm_container_registry.registry[0].id : var.repository.registry_id
  # Subscription and resource group of the registry: custom roles can be assigned there only.
  registry_group_id = local.creates_registry ? local.group_id : join("/", slice(split("/", var.repository.registry_id), 0, 5))
  images_name       = coalesce(var.repository.name, var.name)
  default_repository = (
    local.image_builder.defaultRepository != "" ? local.image_builder.defaultRepository : "${local.login_server}/${local.images_name}"
  )
  cache_repository = (
    var.repository.cache.create
    ? "${local.login_server}/${coalesce(var.repository.cache.name, "${local.images_name}-cache")}"
    : try(coalesce(local.image_builder.cache.repository), "")
  )
}

resource "azurerm_container_registry" "registry" {
  #checkov:skip=CKV_AZURE_139:Clients and clusters anywhere pull by Entra ID; a private endpoint needs a network of the owner's.
  #checkov:skip=CKV_AZURE_163:Vulnerability scanning is Microsoft Defender's, of the whole subscription.
  #checkov:skip=CKV_AZURE_164:Content trust signs by Notary v1, which Azure retires; cosign signs images in any registry.
  #checkov:skip=CKV_AZURE_165:Replicas in other regions are the owner's decision, and cost by region.
  #checkov:skip=CKV_AZURE_166:Quarantine needs a scanner that releases images; without one nothing could be pulled.
  #checkov:skip=CKV_AZURE_167:Retention of untagged manifests by repository.untagged_days, which needs the sku Premium.
  #checkov:skip=CKV_AZURE_233:Zones are a matter of the sku Premium, which the owner chooses.
  #checkov:skip=CKV_AZURE_237:Data endpoints are for firewalls by name, and need the sku Premium.
  count                    = local.creates_registry ? 1 : 0
  name                     = local.registry_name
  resource_group_name      = var.resource_group
  location                 = local.location
  sku                      = var.repository.sku
  admin_enabled            = false
  anonymous_pull_enabled   = false
  retention_policy_in_days = var.repository.sku == "Premium" ? var.repository.untagged_days : null
  tags                     = var.tags
}
