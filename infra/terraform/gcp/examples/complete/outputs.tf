output "builder_repository" {
  description = "Repository for `make builder-image CLOUD=gcp REPOSITORY=…`."
  value       = module.boatyard.builder_repository
}

output "cross_project_grants" {
  description = "Roles that repositories of other projects have to grant."
  value       = module.boatyard.cross_project_grants
}

output "url" {
  description = "Endpoint for clients."
  value       = module.boatyard.url
}
