# The function makes images itself: alone, and with ACR Tasks beside it.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

mock_provider "kubernetes" {}

mock_provider "tls" {}

variables {
  application     = { client_id = "55555555-5555-5555-5555-555555555555" }
  bundle          = { path = "tests/bundle.zip" }
  events          = { specs = false }
  inline          = {}
  location        = "westeurope"
  projects        = { flytesnacks = { domains = ["development"] } }
  resource_group  = "builds"
  subscription_id = "11111111-1111-1111-1111-111111111111"
}

run "no_dataplane_at_all" {
  assert {
    condition     = length(azurerm_container_registry_task.build) + length(azurerm_user_assigned_identity.builder) + length(azurerm_role_assignment.builder) + length(module.kubernetes) == 0 && output.builder_image == null
    error_message = "Nothing exists for a dataplane."
  }
  assert {
    condition     = toset(keys(azurerm_role_definition.role)) == toset(["deployment_key", "registry", "secrets"])
    error_message = "Nor does a role to start one."
  }
  assert {
    condition     = output.environment.BOATYARD_RUNNER == "inline" && output.environment.BOATYARD_EVENT_SECONDS == "1800" && startswith(output.environment.BOATYARD_VAULT, "https://boatyard-") && output.environment.BOATYARD_QUEUE == "boatyard-events" && !contains(keys(output.environment), "BOATYARD_INLINE_OTHER")
    error_message = "The function knows it."
  }
  assert {
    condition     = jsondecode(output.environment.BOATYARD_SETTINGS).layers == "registry"
    error_message = "Readers of the settings see what makes layers."
  }
  assert {
    condition     = azurerm_function_app_flex_consumption.function.instance_memory_in_mb == 4096
    error_message = "It has the most memory that the plan gives."
  }
  assert {
    condition     = [for name in ["functionTimeout", "extensions__queues__batchSize", "extensions__queues__newBatchThreshold"] : azurerm_function_app_flex_consumption.function.app_settings["AzureFunctionsJobHost__${name}"]] == ["00:30:00", "1", "0"]
    error_message = "One build an instance, for as long as the function says."
  }
  assert {
    condition     = endswith(output.publish_command, "--src tests/bundle-inline.zip")
    error_message = "The archive that makes images is published."
  }
  assert {
    condition     = toset([for key, grant in azurerm_role_assignment.registry : "${key} ${grant.role_definition_name}"]) == toset(["own: function AcrPull", "own: inline AcrPush"])
    error_message = "It pulls and pushes."
  }
  assert {
    condition     = contains(keys(azurerm_role_assignment.function), "events: Storage Queue Data Message Sender") && azurerm_role_assignment.function["secrets"].role_definition_name == "Key Vault Secrets User"
    error_message = "It asks for builds, and reads the secrets of projects."
  }
}

run "acr_tasks_for_what_needs_a_run" {
  variables {
    events   = {}
    function = { memory_mb = 2048 }
    inline   = { acrtasks = true, bundle = "tests/own.zip", timeout_seconds = 3600 }
  }
  assert {
    condition     = output.environment.BOATYARD_RUNNER == "inline" && output.environment.BOATYARD_INLINE_OTHER == "acrtasks" && output.environment.BOATYARD_ACR_TASK == azurerm_container_registry_task.build["acrtasks"].id
    error_message = "The function knows both."
  }
  assert {
    condition     = endswith(output.builder_image, "-engine") && keys(azurerm_user_assigned_identity.builder) == ["acrtasks"] && contains(keys(azurerm_role_assignment.function_custom), "run_builds")
    error_message = "ACR Tasks exists as without it."
  }
  assert {
    condition     = azurerm_function_app_flex_consumption.function.instance_memory_in_mb == 2048 && azurerm_function_app_flex_consumption.function.app_settings["AzureFunctionsJobHost__functionTimeout"] == "01:00:00" && endswith(output.publish_command, "--src tests/own.zip")
    error_message = "What is asked for is taken."
  }
}

run "refuses_a_cluster_beside_it" {
  command = plan
  variables {
    cluster = { id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/aks/providers/Microsoft.ContainerService/managedClusters/runs", oidc_issuer_url = "https://oidc.test/" }
  }
  expect_failures = [var.inline]
}

run "refuses_more_time_than_a_build_may_take" {
  command = plan
  variables {
    inline = { timeout_seconds = 7200 }
  }
  expect_failures = [var.inline]
}

run "refuses_a_missing_archive" {
  command = plan
  variables {
    inline = { bundle = "tests/absent.zip" }
  }
  expect_failures = [azurerm_function_app_flex_consumption.function]
}
