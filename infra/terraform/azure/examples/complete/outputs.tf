output "builder_repository" {
  description = "Repository for `make builder-image CLOUD=azure REPOSITORY=…`."
  value       = module.boatyard.builder_repository
}

output "cross_registry_grants" {
  description = "Roles that registries of other subscriptions have to grant."
  value       = module.boatyard.cross_registry_grants
}

output "publish_command" {
  description = "Publishes the bundle to the app."
  value       = module.boatyard.publish_command
}

output "token_scope" {
  description = "Scope of callers' tokens."
  value       = module.boatyard.token_scope
}

output "url" {
  description = "Endpoint for clients."
  value       = module.boatyard.url
}
