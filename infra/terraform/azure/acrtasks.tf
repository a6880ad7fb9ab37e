# Without a cluster: one run of a stored task of ACR Tasks per image, or per image that needs a RUN, with one privileged step. The task has the image and the
# identity; a run of it passes a build's id and its time only.

resource "azurerm_container_registry_task" "build" {
  for_each              = toset(local.builder_keys)
  name                  = "${var.name}-build"
  container_registry_id = local.registry_id
  agent_pool_name       = var.acrtasks.pool
  timeout_in_seconds    = 28800
  tags                  = var.tags
  platform {
    os = "Linux"
  }
  encoded_step {
    task_content = base64encode(templatefile("${path.module}/task.yaml.tftpl", {
      image     = coalesce(local.builder_image, "none")
      client_id = azurerm_user_assigned_identity.builder[each.key].client_id
      account   = local.account_name
      container = local.bucket_name
      vault     = "https://${local.vaults.secrets}.vault.azure.net"
      prefix    = var.name
    }))
  }
  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.builder[each.key].id]
  }
  registry_credential {
    custom {
      login_server = local.login_server
      identity     = azurerm_user_assigned_identity.builder[each.key].client_id
    }
  }
}
