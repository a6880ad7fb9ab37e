output "bucket" {
  description = "Bucket for contexts, build records and dropped specs."
  value       = local.bucket_name
}

output "builder_accounts" {
  description = "Accounts of the builds: one per project and domain, or Cloud Build's."
  value       = { for key, account in google_service_account.builder : key => account.email }
}

output "builder_image" {
  description = "Image that builds run. `make builder-image` creates it, unless it is your own."
  value       = local.builder_image
}

output "builder_repository" {
  description = "Repository for `make builder-image CLOUD=gcp REPOSITORY=…`; null with an image of your own."
  value       = local.builder_repository
}

output "cross_project_grants" {
  description = "Roles that repositories of other projects have to grant: to those that push, and to those that pull. var.cross_project grants them here."
  value       = [for key, grant in local.named_grants : grant if local.is_elsewhere[key]]
}

output "default_repository" {
  description = "Repository of images whose spec names no registry."
  value       = local.default_repository
}

output "deployment_key_secret" {
  description = "Secret with the key that isolates projects. Only the functions may read it. Keep its value: every image's tag is derived from it."
  value       = google_secret_manager_secret.deployment_key.id
}

output "environment" {
  description = "Environment of the functions, to run the bundle elsewhere."
  value       = local.environment
}

output "function_accounts" {
  description = "Accounts of the functions."
  value       = { for key, account in google_service_account.function : key => account.email }
}

output "function_names" {
  description = "The functions: the one behind the URL, and the one behind the topic."
  value       = { for key, function in google_cloudfunctions2_function.function : key => function.name }
}

output "logs_bucket" {
  description = "Bucket with the builds' logs; null on a cluster."
  value       = one([for bucket in google_storage_bucket.logs : bucket.name])
}

output "namespaces" {
  description = "Namespace of each project and domain; empty without a cluster."
  value       = local.runner == "kubernetes" ? module.settings.namespaces : {}
}

output "topics" {
  description = "Topic of events and of its dead letters; null without events."
  value = {
    events       = one([for topic in google_pubsub_topic.events : topic.id])
    dead_letters = one([for topic in google_pubsub_topic.dead_letters : topic.id])
  }
}

output "url" {
  description = "The function's URL: the endpoint for clients, and the audience of their ID tokens."
  value       = google_cloudfunctions2_function.function["http"].service_config[0].uri
}
