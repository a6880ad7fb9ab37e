mock_data "azurerm_client_config" {
  defaults = { tenant_id = "22222222-2222-2222-2222-222222222222" }
}

mock_resource "azurerm_user_assigned_identity" {
  defaults = {
    client_id    = "33333333-3333-3333-3333-333333333333"
    principal_id = "44444444-4444-4444-4444-444444444444"
  }
}

mock_resource "azurerm_storage_account" {
  defaults = {
    id                    = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/builds/providers/Microsoft.Storage/storageAccounts/made"
    primary_blob_endpoint = "https://made.blob.core.windows.net/"
  }
}

mock_resource "azurerm_container_registry" {
  defaults = { id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/builds/providers/Microsoft.ContainerRegistry/registries/made" }
}

mock_resource "azurerm_container_registry_task" {
  defaults = { id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/builds/providers/Microsoft.ContainerRegistry/registries/made/tasks/made" }
}

mock_resource "azurerm_key_vault" {
  defaults = { id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/builds/providers/Microsoft.KeyVault/vaults/made" }
}

mock_resource "azurerm_application_insights" {
  defaults = { id = "/insights" }
}

mock_resource "azurerm_function_app_flex_consumption" {
  defaults = { default_hostname = "made.azurewebsites.net" }
}
