# One app for the URL and the queue: a plan of Flex Consumption holds one, and scales HTTP and the queue apart.

locals {
  function_name = coalesce(var.function.name, "${var.name}-${local.suffix}")
  runtime       = coalesce(var.function.runtime, local.bundle_runtime, "3.13")
  event_seconds = try(var.inline.timeout_seconds, 600)
  # The host reads its locks, its keys and the queue by this identity. The plain AzureWebJobsStorage has to be empty:
  # decision 0036.
  host_settings = merge(
    {
      AzureWebJobsStorage                       = ""
      AzureWebJobsStorage__accountName          = local.accounts.host
      AzureWebJobsStorage__credential           = "managedidentity"
      AzureWebJobsStorage__clientId             = azurerm_user_assigned_identity.function.client_id
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "ClientId=${azurerm_user_assigned_identity.function.client_id};Authorization=AAD"
      AZURE_CLIENT_ID                           = azurerm_user_assigned_identity.function.client_id
      # A request that waits for news holds a thread, and Python's own default is five or six. Beside the requests, the host
      # gives an instance up to 12 messages (batchSize and newBatchThreshold in host.json).
      PYTHON_THREADPOOL_THREAD_COUNT = tostring(var.function.concurrency + 12)
    },
    # In place of host.json's: a build may take longer, and there is one an instance.
    {
      for name, value in {
        functionTimeout                       = format("%02d:%02d:%02d", floor(local.event_seconds / 3600), floor(local.event_seconds / 60) % 60, local.event_seconds % 60)
        extensions__queues__batchSize         = "1"
        extensions__queues__newBatchThreshold = "0"
      } : "AzureFunctionsJobHost__${name}" => value if local.inline_enabled
    },
    !local.events_enabled ? {} : {
      BOATYARD_STORAGE__queueServiceUri = "https://${local.account_name}.queue.core.windows.net"
      BOATYARD_STORAGE__credential      = "managedidentity"
      BOATYARD_STORAGE__clientId        = azurerm_user_assigned_identity.function.client_id
    },
  )
  # adapters/azure/boatyard_azure/configuration.py explains each.
  environment = merge(
    {
      BOATYARD_SETTINGS        = module.settings.json
      BOATYARD_STORAGE_ACCOUNT = local.account_name
      BOATYARD_BUCKET          = local.bucket_name
      BOATYARD_DEPLOYMENT_KEY  = local.deployment_key_url
      BOATYARD_RUNNER          = local.runner
      BOATYARD_SECRET_PREFIX   = var.name
      BOATYARD_REGISTRY_ID     = local.registry_id
      BOATYARD_PIN_BASES       = tostring(local.remembers_bases)
    },
    # Either App Service authentication checks every caller, or the owner has opened the function to everybody.
    var.anonymous ? { BOATYARD_ANONYMOUS = "true" } : { BOATYARD_INVOKERS_CHECKED = "true" },
    { for cluster in var.cluster[*] : "BOATYARD_CLUSTER" => cluster.id },
    merge([
      for key, task in azurerm_container_registry_task.build : merge(
        {
          BOATYARD_ACR_TASK = task.id
        },
        { for pool in var.acrtasks.pool[*] : "BOATYARD_ACR_POOL" => pool },
      )
    ]...),
    { for key, vault in local.vaults : "BOATYARD_VAULT" => "https://${vault}.vault.azure.net" if key == "secrets" },
    { for key in local.builder_keys : "BOATYARD_INLINE_OTHER" => "acrtasks" if local.inline_enabled },
    { for inline in var.inline[*] : "BOATYARD_EVENT_SECONDS" => tostring(inline.timeout_seconds) },
    { for key, name in local.queues : "BOATYARD_QUEUE" => name if key == "events" },
    { for key, name in local.queues : "BOATYARD_DEAD_LETTERS" => name if key == "dead_letters" },
    { for schedule in var.events.drift_schedule[*] : "BOATYARD_DRIFT_SCHEDULE" => schedule },
    var.function.environment,
  )
}

# The archive that `az functionapp deployment` publishes.
resource "azurerm_storage_container" "code" {
  #checkov:skip=CKV2_AZURE_21:It holds the app's own archive; logs of reads would say that the app started.
  name                  = "code"
  storage_account_id    = azurerm_storage_account.account["host"].id
  container_access_type = "private"
}

resource "azurerm_service_plan" "plan" {
  #checkov:skip=CKV_AZURE_211:Flex Consumption scales from nothing; the rule is for plans with machines.
  #checkov:skip=CKV_AZURE_212:As above: Flex Consumption has no machines of its own between requests.
  #checkov:skip=CKV_AZURE_225:Zones by function.zone_redundant, which needs an instance that is always ready in each.
  name                   = "${var.name}-${local.suffix}"
  resource_group_name    = var.resource_group
  location               = local.location
  os_type                = "Linux"
  sku_name               = "FC1"
  zone_balancing_enabled = var.function.zone_redundant
  tags                   = var.tags
}

resource "azurerm_function_app_flex_consumption" "function" {
  name                                           = local.function_name
  resource_group_name                            = var.resource_group
  location                                       = local.location
  service_plan_id                                = azurerm_service_plan.plan.id
  storage_container_type                         = "blobContainer"
  storage_container_endpoint                     = "${azurerm_storage_account.account["host"].primary_blob_endpoint}${azurerm_storage_container.code.name}"
  storage_authentication_type                    = "UserAssignedIdentity"
  storage_user_assigned_identity_id              = azurerm_user_assigned_identity.function.id
  runtime_name                                   = "python"
  runtime_version                                = local.runtime
  instance_memory_in_mb                          = coalesce(var.function.memory_mb, local.inline_enabled ? 4096 : 512)
  maximum_instance_count                         = var.function.max_instances
  http_concurrency                               = var.function.concurrency
  https_only                                     = true
  webdeploy_publish_basic_authentication_enabled = false
  virtual_network_subnet_id                      = var.function.subnet_id
  app_settings                                   = merge(local.host_settings, local.environment)
  tags                                           = var.tags
  dynamic "always_ready" {
    for_each = var.function.min_instances > 0 ? [var.function.min_instances] : []
    content {
      name           = "http"
      instance_count = always_ready.value
    }
  }
  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.function.id]
  }
  dynamic "auth_settings_v2" {
    for_each = local.authentication
    content {
      auth_enabled           = true
      require_authentication = true
      unauthenticated_action = "Return401"
      default_provider       = "azureactivedirectory"
      require_https          = true
      active_directory_v2 {
        client_id            = auth_settings_v2.value.client_id
        tenant_auth_endpoint = "https://login.microsoftonline.com/${coalesce(auth_settings_v2.value.tenant_id, local.tenant)}/v2.0"
        allowed_audiences    = [auth_settings_v2.value.client_id, coalesce(auth_settings_v2.value.audience, "api://${auth_settings_v2.value.client_id}")]
        allowed_applications = local.allowed.applications
        allowed_identities   = contains(local.allowed.principals, "*") ? null : local.allowed.principals
      }
      # Callers bring their tokens.
      login {
        token_store_enabled = false
      }
    }
  }
  site_config {
    application_insights_connection_string = azurerm_application_insights.insights.connection_string
    minimum_tls_version                    = "1.2"
    scm_minimum_tls_version                = "1.2"
    http2_enabled                          = true
  }
  lifecycle {
    precondition {
      condition     = coalesce(local.bundle_runtime, local.runtime) == local.runtime
      error_message = "The bundle was made for Python ${coalesce(local.bundle_runtime, "?")}, the function is ${local.runtime}."
    }
    precondition {
      condition     = fileexists(local.published)
      error_message = "${local.published}, the archive of the app that makes images, does not exist. Run `make bundle CLOUD=azure`, which writes it beside the other, or set inline.bundle."
    }
    precondition {
      condition     = !local.needs_builder_image || local.builder_image != null
      error_message = "Builds have no image: neither the document beside the bundle (`make bundle CLOUD=azure` writes both) nor acrtasks.image or image_builder.kubernetes.builderImage names one."
    }
    precondition {
      condition     = var.anonymous || var.application != null
      error_message = "Nobody checks callers: set application to the app registration that docs/deploy-azure.md makes, or anonymous to open the URL to everybody."
    }
  }
  # A function must not serve requests before its identity has its roles.
  depends_on = [azurerm_role_assignment.function, azurerm_role_assignment.function_custom, azurerm_role_assignment.registry]
}
