# The container for contexts, build records and dropped specs, in a storage account of its own: the app's host may do anything in
# its account (function.tf), and this one holds what projects own. It holds the only copy of nothing.

locals {
  account_name = coalesce(var.bucket.account_name, local.compact_name)
  bucket_name  = coalesce(var.bucket.name, var.name)
  # Folder => days after which its objects are removed; null keeps them. boatyard_serverless/keys.py lists the folders.
  folders = {
    contexts = var.bucket.contexts_days
    jobs     = var.bucket.builds_days
    builds   = var.bucket.builds_days
    open     = var.bucket.builds_days
    specs    = null
    results  = var.bucket.builds_days
    bases    = null
    drift    = var.bucket.builds_days
    logs     = var.bucket.builds_days
  }
  bucket_id = "${azurerm_storage_account.account["data"].id}/blobServices/default/containers/${local.bucket_name}"
  # Folder => condition on its blobs, for a role that reads or writes blobs. Without a path a list of names is refused.
  in_folder = {
    for folder in keys(local.folders) : folder => format("(%s OR %s)",
      "(${join(" AND ", [for verb in ["read", "write", "add/action", "delete", "move/action"] : "!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/${verb}'})"])})",
      "(@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringLike '${folder}/*')",
    )
  }
  accounts = {
    data = local.account_name
    host = "${substr(local.account_name, 0, 23)}h"
  }
}

resource "azurerm_storage_account" "account" {
  #checkov:skip=CKV_AZURE_59:Clients upload contexts by URLs that end soon; a private endpoint needs a network of the owner's (bucket.network).
  #checkov:skip=CKV_AZURE_206:Nothing in it is the only copy: a client uploads a context again, and the registry has the images.
  #checkov:skip=CKV_AZURE_33:Storage Analytics' classic logs of queues; the diagnostic settings of Azure Monitor say the same, by logs.audit.
  #checkov:skip=CKV2_AZURE_1:Encrypted by Azure's own key; an owner's key needs a vault and its rotation.
  #checkov:skip=CKV2_AZURE_33:A private endpoint needs a network of the owner's.
  #checkov:skip=CKV2_AZURE_38:No soft delete: what the lifecycle removes is removed.
  #checkov:skip=CKV2_AZURE_41:Without shared keys there is no SAS but a user delegation's, which ends within hours.
  for_each                        = local.accounts
  name                            = each.value
  resource_group_name             = var.resource_group
  location                        = local.location
  account_kind                    = "StorageV2"
  account_tier                    = "Standard"
  account_replication_type        = var.bucket.replication
  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false
  tags                            = var.tags
}

resource "azurerm_storage_container" "bucket" {
  #checkov:skip=CKV2_AZURE_21:Logs of every read are Azure Monitor's, by logs.audit, and cost by volume.
  name                  = local.bucket_name
  storage_account_id    = azurerm_storage_account.account["data"].id
  container_access_type = "private"
}

resource "azurerm_storage_management_policy" "bucket" {
  storage_account_id = azurerm_storage_account.account["data"].id
  dynamic "rule" {
    for_each = { for folder, days in local.folders : folder => days if days != null }
    content {
      name    = rule.key
      enabled = true
      filters {
        blob_types   = ["blockBlob"]
        prefix_match = ["${local.bucket_name}/${rule.key}/"]
      }
      actions {
        base_blob {
          delete_after_days_since_creation_greater_than = rule.value
        }
      }
    }
  }
}
