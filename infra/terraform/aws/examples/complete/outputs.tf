output "builder_repository" {
  description = "Where `make builder-image REPOSITORY=…` pushes what builds run."
  value       = module.boatyard.builder_repository
}

output "caller_policy_arn" {
  description = "Attach it to whoever may build."
  value       = module.boatyard.caller_policy_arn
}

output "cross_account_repository_policy_json" {
  description = "For a repository of another account that builds push to."
  value       = module.boatyard.cross_account_repository_policy_json
}

output "private_base_repository_policy_json" {
  description = "For a repository of another account that holds base images."
  value       = module.boatyard.private_base_repository_policy_json
}

output "url" {
  description = "The endpoint that clients are given."
  value       = module.boatyard.url
}
