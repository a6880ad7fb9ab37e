output "builder_repository" {
  description = "Repository for `make builder-image CLOUD=aws REPOSITORY=…`."
  value       = module.boatyard.builder_repository
}

output "caller_policy_arn" {
  description = "Attach it to roles that may build."
  value       = module.boatyard.caller_policy_arn
}

output "cross_account_repository_policy_json" {
  description = "Policy for a repository of another account to which builds push."
  value       = module.boatyard.cross_account_repository_policy_json
}

output "private_base_repository_policy_json" {
  description = "Policy for a repository of another account with base images."
  value       = module.boatyard.private_base_repository_policy_json
}

output "url" {
  description = "Endpoint for clients."
  value       = module.boatyard.url
}
