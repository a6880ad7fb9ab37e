# ACR has no lifecycle rules by tag: each night a task removes the layers for later builds that are old. It signs in as the registry's
# own, and sees the tags of Boatyard's form in the repository of the cache only. An image has its own manifest and keeps its layers.

resource "azurerm_container_registry_task" "purge" {
  count                 = var.repository.cache.create && var.repository.cache.days != null && !var.repository.abac ? 1 : 0
  name                  = "${var.name}-purge"
  container_registry_id = local.registry_id
  agent_pool_name       = var.acrtasks.pool
  timeout_in_seconds    = 3600
  tags                  = var.tags
  platform {
    os = "Linux"
  }
  encoded_step {
    task_content = base64encode(<<-EOT
      version: v1.1.0
      steps:
        - cmd: acr purge --filter '${trimprefix(local.cache_repository, "${local.login_server}/")}:^(prefix|wheels|facts)-[0-9a-f]{32}$' --ago ${coalesce(var.repository.cache.days, 0)}d --untagged
          disableWorkingDirectoryOverride: true
          timeout: 3600
    EOT
    )
  }
  timer_trigger {
    name     = "nightly"
    schedule = "23 3 * * *"
  }
}
