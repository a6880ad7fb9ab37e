# Projects' secrets in a vault, where there is no cluster. The function may write them and see that they exist. It may not read a
# value, unless it makes images itself: no built-in role writes secrets without reading them.

locals {
  secret_actions = "Microsoft.KeyVault/vaults/secrets"
  blob_actions   = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
  # Roles of the deployment's own, because every built-in one has more.
  custom_roles = merge(
    {
      deployment_key = {
        description  = "read and write the key that isolates projects"
        scope        = local.group_id
        actions      = []
        data_actions = ["${local.secret_actions}/getSecret/action", "${local.secret_actions}/setSecret/action"]
      }
      registry = {
        description  = "see the registry's settings"
        scope        = local.registry_group_id
        actions      = ["Microsoft.ContainerRegistry/registries/read"]
        data_actions = []
      }
    },
    local.runner == "kubernetes" ? {} : {
      secrets = {
        description = "write secrets, and read none"
        scope       = local.group_id
        actions     = []
        data_actions = [
          for verb in ["delete", "readMetadata/action", "recover/action", "setSecret/action", "update/action"] : "${local.secret_actions}/${verb}"
        ]
      }
    },
    !local.uses_acrtasks ? {} : {
      # Of the builds' identity: Storage Blob Data Contributor may delete the container.
      contexts = {
        description  = "read contexts, and remove those that are not what they should be"
        scope        = local.group_id
        actions      = []
        data_actions = [for verb in ["read", "delete"] : "${local.blob_actions}/${verb}"]
      }
      jobs = {
        description  = "report on builds"
        scope        = local.group_id
        actions      = []
        data_actions = [for verb in ["read", "write", "add/action"] : "${local.blob_actions}/${verb}"]
      }
      run_builds = {
        description = "run builds by stored tasks"
        scope       = local.registry_group_id
        actions = [
          "Microsoft.ContainerRegistry/registries/scheduleRun/action",
          "Microsoft.ContainerRegistry/registries/runs/read",
          "Microsoft.ContainerRegistry/registries/runs/cancel/action",
          "Microsoft.ContainerRegistry/registries/runs/listLogSasUrl/action",
          "Microsoft.ContainerRegistry/registries/tasks/read",
        ]
        data_actions = []
      }
    },
  )
}

resource "azurerm_role_definition" "role" {
  for_each          = local.custom_roles
  name              = "Boatyard ${var.name}-${local.suffix}: ${each.value.description}"
  description       = "Boatyard may ${each.value.description}"
  scope             = each.value.scope
  assignable_scopes = [each.value.scope]
  permissions {
    actions      = each.value.actions
    data_actions = each.value.data_actions
  }
}
