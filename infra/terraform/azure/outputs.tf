output "bucket" {
  description = "Storage account and container for contexts, build records and dropped specs."
  value       = { account = local.account_name, container = local.bucket_name }
}

output "builder_identities" {
  description = "Client ids of the builds' identities: one per project and domain, or ACR Tasks'."
  value       = { for key, identity in azurerm_user_assigned_identity.builder : key => identity.client_id }
}

output "builder_image" {
  description = "Image that builds run. `make builder-image` creates it, unless it is your own."
  value       = local.builder_image
}

output "builder_repository" {
  description = "Repository for `make builder-image CLOUD=azure REPOSITORY=…`; null with an image of your own."
  value       = local.builder_repository
}

output "cross_registry_grants" {
  description = "Roles that registries of other subscriptions have to grant: to those that push, and to those that pull. var.cross_registry grants them here."
  value       = [for key, grant in local.registry_grants : grant if local.is_elsewhere[grant.registry]]
}

output "default_repository" {
  description = "Repository of images whose spec names no registry."
  value       = local.default_repository
}

output "deployment_key_secret" {
  description = "Secret with the key that isolates projects. Only the function may read it. Keep its value: every image's tag is derived from it."
  value       = local.deployment_key_url
}

output "environment" {
  description = "Environment of the function, to run the bundle elsewhere."
  value       = local.environment
}

output "function_identity" {
  description = "The function's identity: client id and object id."
  value = {
    client_id    = azurerm_user_assigned_identity.function.client_id
    principal_id = azurerm_user_assigned_identity.function.principal_id
  }
}

output "function_names" {
  description = "The function app behind the URL and the queue."
  value       = { http = azurerm_function_app_flex_consumption.function.name, events = azurerm_function_app_flex_consumption.function.name }
}

output "insights" {
  description = "Application Insights with the function's logs."
  value       = azurerm_application_insights.insights.id
}

output "namespaces" {
  description = "Namespace of each project and domain; empty without a cluster."
  value       = local.runner == "kubernetes" ? module.settings.namespaces : {}
}

output "publish_command" {
  description = "Publishes the bundle to the app, after an apply and for each later release."
  value       = "az functionapp deployment source config-zip --resource-group ${var.resource_group} --name ${local.function_name} --src ${local.published}"
}

output "queues" {
  description = "Queue of events, the host's poison queue, and the dead letters; empty without events."
  value       = local.queues
}

output "registry" {
  description = "The registry: its resource id and its login server."
  value       = { id = local.registry_id, login_server = local.login_server }
}

output "token_scope" {
  description = "Scope of callers' tokens: the client asks Entra ID for it. Null with `anonymous`."
  value       = one([for application in local.authentication : "${coalesce(application.audience, "api://${application.client_id}")}/.default"])
}

output "url" {
  description = "The function's URL: the endpoint for clients."
  value       = "https://${azurerm_function_app_flex_consumption.function.default_hostname}"
}
