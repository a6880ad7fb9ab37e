# Builds in ACR Tasks: the least that can be asked for, and what is refused.

mock_provider "azurerm" {
  source = "./tests/mocks"
}

mock_provider "kubernetes" {}

mock_provider "tls" {}

variables {
  application     = { client_id = "55555555-5555-5555-5555-555555555555" }
  bundle          = { path = "tests/bundle.zip" }
  location        = "westeurope"
  projects        = { flytesnacks = { domains = ["development"] } }
  resource_group  = "builds"
  subscription_id = "11111111-1111-1111-1111-111111111111"
}

run "the_least" {
  assert {
    condition     = keys(azurerm_user_assigned_identity.builder) == ["acrtasks"] && length(module.kubernetes) == 0 && length(azurerm_federated_identity_credential.builder) == 0
    error_message = "Without a cluster ACR Tasks builds, as one identity."
  }
  assert {
    condition     = [for name in ["RUNNER", "BUCKET", "SECRET_PREFIX", "INVOKERS_CHECKED", "QUEUE", "DEAD_LETTERS"] : azurerm_function_app_flex_consumption.function.app_settings["BOATYARD_${name}"]] == ["acrtasks", "boatyard", "boatyard", "true", "boatyard-events", "boatyard-dead-letters"]
    error_message = "The function knows where it is."
  }
  assert {
    condition     = output.environment.BOATYARD_ACR_TASK == azurerm_container_registry_task.build["acrtasks"].id && output.environment.BOATYARD_REGISTRY_ID == azurerm_container_registry.registry[0].id
    error_message = "The function knows the task and the registry."
  }
  assert {
    condition     = output.environment.BOATYARD_DEPLOYMENT_KEY == "https://${azurerm_key_vault.vault["key"].name}.vault.azure.net/secrets/boatyard-deployment-key" && azurerm_key_vault.vault["key"].name != azurerm_key_vault.vault["secrets"].name
    error_message = "The deployment's key is in a vault of its own."
  }
  assert {
    condition     = jsondecode(output.environment.BOATYARD_SETTINGS).buildkit.driver == "buildx" && jsondecode(output.environment.BOATYARD_SETTINGS).authenticationType == "azure"
    error_message = "A step has a Docker engine, and signs in as Azure's."
  }
  assert {
    condition     = output.default_repository == "${azurerm_container_registry.registry[0].name}.azurecr.io/boatyard" && jsondecode(output.environment.BOATYARD_SETTINGS).cache.repository == "${output.default_repository}-cache"
    error_message = "Images have names below the repository; the cache has one."
  }
  assert {
    condition     = output.builder_image == "${output.default_repository}-builder:1.2.3-0123456789ab-engine" && strcontains(base64decode(azurerm_container_registry_task.build["acrtasks"].encoded_step[0].task_content), output.builder_image)
    error_message = "ACR Tasks runs the image with an engine."
  }
  assert {
    condition     = strcontains(base64decode(azurerm_container_registry_task.purge[0].encoded_step[0].task_content), "acr purge --filter 'boatyard-cache:^(prefix|wheels|facts)-[0-9a-f]{32}$' --ago 14d --untagged")
    error_message = "Old layers are removed from the cache's repository, and no image."
  }
  assert {
    condition     = azurerm_function_app_flex_consumption.function.runtime_version == "3.13"
    error_message = "The app has the bundle's Python."
  }
  assert {
    condition     = [for name in ["AzureWebJobsStorage", "AzureWebJobsStorage__credential", "AzureWebJobsStorage__clientId", "BOATYARD_STORAGE__clientId"] : azurerm_function_app_flex_consumption.function.app_settings[name]] == ["", "managedidentity", "33333333-3333-3333-3333-333333333333", "33333333-3333-3333-3333-333333333333"]
    error_message = "The host reads its storage and the queue by the function's identity, and no connection string wins over it."
  }
  assert {
    condition     = alltrue([for account in azurerm_storage_account.account : !account.shared_access_key_enabled && !account.allow_nested_items_to_be_public && account.https_traffic_only_enabled && account.min_tls_version == "TLS1_2"]) && azurerm_storage_account.account["data"].name != azurerm_storage_account.account["host"].name
    error_message = "No blob is public, nobody has a key, and the host's account is another."
  }
  assert {
    condition     = azurerm_function_app_flex_consumption.function.auth_settings_v2[0].require_authentication && azurerm_function_app_flex_consumption.function.auth_settings_v2[0].unauthenticated_action == "Return401" && azurerm_function_app_flex_consumption.function.auth_settings_v2[0].active_directory_v2[0].allowed_identities == tolist(["00000000-0000-0000-0000-000000000000"])
    error_message = "Nobody calls who is not named."
  }
  assert {
    condition     = azurerm_function_app_flex_consumption.function.auth_settings_v2[0].active_directory_v2[0].allowed_audiences == tolist(["55555555-5555-5555-5555-555555555555", "api://55555555-5555-5555-5555-555555555555"]) && output.token_scope == "api://55555555-5555-5555-5555-555555555555/.default"
    error_message = "Only tokens for this application are taken."
  }
  assert {
    condition     = !azurerm_function_app_flex_consumption.function.webdeploy_publish_basic_authentication_enabled && azurerm_function_app_flex_consumption.function.https_only && azurerm_function_app_flex_consumption.function.storage_authentication_type == "UserAssignedIdentity"
    error_message = "Publishing needs Entra ID, too."
  }
  assert {
    condition     = keys(azurerm_eventgrid_system_topic_event_subscription.events) == ["specs"] && azurerm_eventgrid_system_topic_event_subscription.events["specs"].included_event_types == tolist(["Microsoft.Storage.BlobCreated"]) && azurerm_eventgrid_system_topic_event_subscription.events["specs"].advanced_filter[0].string_begins_with[0].values == tolist(["/blobServices/default/containers/boatyard/blobs/specs/"])
    error_message = "Only specs are events, not the records of builds."
  }
  assert {
    condition     = azurerm_eventgrid_system_topic_event_subscription.events["specs"].delivery_identity[0].type == "SystemAssigned" && azurerm_role_assignment.topic["specs"].scope == "${azurerm_storage_account.account["data"].id}/queueServices/default/queues/boatyard-events"
    error_message = "A topic puts messages on that queue by its own identity."
  }
  assert {
    condition     = toset([for queue in azurerm_storage_queue.queue : queue.name]) == toset(["boatyard-events", "boatyard-events-poison", "boatyard-dead-letters"])
    error_message = "The host's poison queue has the name that it expects."
  }
  assert {
    condition     = length([for rule in azurerm_storage_management_policy.bucket.rule : rule if rule.actions[0].base_blob[0].delete_after_days_since_creation_greater_than == 30 && rule.filters[0].prefix_match == toset(["boatyard/contexts/"])]) == 1 && length(azurerm_storage_management_policy.bucket.rule) == 7
    error_message = "Contexts and records end; specs and bases do not."
  }
  assert {
    condition     = output.cross_registry_grants == [] && !contains(keys(output.environment), "BOATYARD_DRIFT_SCHEDULE") && output.environment.BOATYARD_PIN_BASES == "false"
    error_message = "Bases and drift are asked for."
  }
}

run "callers_bases_and_drift" {
  variables {
    caller_applications = ["66666666-6666-6666-6666-666666666666"]
    caller_principals   = ["77777777-7777-7777-7777-777777777777"]
    events              = { drift_schedule = "0 0 5 * * *", publishers = ["88888888-8888-8888-8888-888888888888"] }
    repository = {
      abac     = true
      push_ids = ["/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups/shared/providers/Microsoft.ContainerRegistry/registries/team"]
      bases = {
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/golden/providers/Microsoft.ContainerRegistry/registries/Golden" = { repositories = ["golden/python"], location = "northeurope" }
        "/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups/golden/providers/Microsoft.ContainerRegistry/registries/far"    = { repositories = ["base"] }
      }
    }
  }
  assert {
    condition     = azurerm_function_app_flex_consumption.function.auth_settings_v2[0].active_directory_v2[0].allowed_identities == tolist(["77777777-7777-7777-7777-777777777777"]) && toset(azurerm_function_app_flex_consumption.function.auth_settings_v2[0].active_directory_v2[0].allowed_applications) == toset(["04b07795-8ddb-461a-bbee-02f9e1bf7b46", "66666666-6666-6666-6666-666666666666"])
    error_message = "Callers are who is named, by Azure CLI or a named application."
  }
  assert {
    condition     = [for key, topic in azurerm_eventgrid_system_topic.events : "${topic.topic_type} ${topic.location}" if key != "specs"] == ["Microsoft.ContainerRegistry.Registries northeurope"] && [for key, rule in azurerm_eventgrid_system_topic_event_subscription.events : rule.advanced_filter[0].string_begins_with[0].values if key != "specs"] == [tolist(["golden/python:"])]
    error_message = "Pushes to that repository are events, in the registry's region; another subscription's registry has no topic here."
  }
  assert {
    condition     = { for who, grant in azurerm_role_assignment.publisher : who => grant.scope } == { "88888888-8888-8888-8888-888888888888" = azurerm_role_assignment.topic["specs"].scope }
    error_message = "Named principals put orders on the queue of events."
  }
  assert {
    condition     = output.environment.BOATYARD_PIN_BASES == "true" && output.environment.BOATYARD_DRIFT_SCHEDULE == "0 0 5 * * *"
    error_message = "Builds are stored by their base, and the report has a time."
  }
  assert {
    condition     = toset([for grant in output.cross_registry_grants : "${split("/", grant.registry)[8]} ${grant.role}"]) == toset(["far AcrPull", "team AcrPush", "team AcrPull"])
    error_message = "The other subscription is asked to let them pull bases, and push to its registry."
  }
  assert {
    condition     = toset([for key, grant in azurerm_role_assignment.registry : "${split(":", key)[0] == "own" ? "own" : "golden"} ${grant.role_definition_name}"]) == toset(["own Container Registry Repository Writer", "own Container Registry Repository Reader", "golden AcrPull"])
    error_message = "A registry that grants by repository has its own roles, and nothing is granted in another subscription unasked."
  }
}

run "an_existing_registry_and_another_for_images" {
  variables {
    acrtasks       = { image = "ghcr.io/acme/builder:1", pool = "big" }
    cross_registry = { grant = true }
    events         = { specs = false }
    image_builder  = { defaultRepository = "ghcr.io/acme/images", authenticationType = "noop" }
    repository     = { registry_id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/shared/providers/Microsoft.ContainerRegistry/registries/Acme", cache = { create = false } }
  }
  assert {
    condition     = length(azurerm_container_registry_task.purge) == 0
    error_message = "Nothing is removed from a repository that has no cache."
  }
  assert {
    condition     = length(azurerm_container_registry.registry) == 0 && azurerm_container_registry_task.build["acrtasks"].container_registry_id == "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/shared/providers/Microsoft.ContainerRegistry/registries/Acme" && azurerm_role_definition.role["run_builds"].scope == "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/shared"
    error_message = "A registry that is named is not made, and the role exists where it is."
  }
  assert {
    condition     = output.registry.login_server == "acme.azurecr.io" && output.builder_image == "ghcr.io/acme/builder:1" && output.builder_repository == null && output.environment.BOATYARD_ACR_POOL == "big"
    error_message = "An image that is named needs no repository."
  }
  assert {
    condition     = length(azurerm_storage_queue.queue) == 0 && length(azurerm_eventgrid_system_topic.events) == 0 && !contains(keys(azurerm_function_app_flex_consumption.function.app_settings), "BOATYARD_STORAGE__clientId") && !contains(keys(output.environment), "BOATYARD_QUEUE")
    error_message = "Without events there is no queue."
  }
}

run "open_to_everybody" {
  variables {
    anonymous   = true
    application = null
  }
  assert {
    condition     = length(azurerm_function_app_flex_consumption.function.auth_settings_v2) == 0 && output.environment.BOATYARD_ANONYMOUS == "true" && !contains(keys(output.environment), "BOATYARD_INVOKERS_CHECKED") && output.token_scope == null
    error_message = "Everybody, because it was asked for; then the function believes nothing that is said of a caller."
  }
}

run "refuses_wrong_variables" {
  command = plan
  variables {
    bucket              = { contexts_days = 0 }
    caller_applications = ["az"]
    caller_principals   = ["ann@acme.test"]
    cluster             = { id = "runs", oidc_issuer_url = "https://oidc.test/" }
    events              = { drift_schedule = "0 5 * * *" }
    function            = { runtime = "3.9" }
    logs                = { retention_days = 1 }
    name                = "a-name-that-is-too-long"
    repository          = { push_ids = ["acme.azurecr.io"] }
  }
  expect_failures = [var.bucket, var.caller_applications, var.caller_principals, var.cluster, var.events, var.function, var.logs, var.name, var.repository]
}

run "refuses_nobody_who_checks_callers" {
  command = plan
  variables {
    application = null
  }
  expect_failures = [azurerm_function_app_flex_consumption.function]
}

run "refuses_another_runtime_than_the_bundles" {
  command = plan
  variables {
    function = { runtime = "3.12" }
  }
  expect_failures = [azurerm_function_app_flex_consumption.function]
}

run "refuses_a_bundle_that_names_no_image" {
  command = plan
  variables {
    bundle = { path = "tests/own.zip" }
  }
  expect_failures = [azurerm_function_app_flex_consumption.function]
}
