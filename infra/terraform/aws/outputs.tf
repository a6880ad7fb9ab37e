output "bucket" {
  description = "Bucket for contexts, build records and dropped specs."
  value       = local.bucket_name
}

output "builder_image" {
  description = "Image that a cluster's jobs run; null without a cluster. `make builder-image` creates it, unless it is your own."
  value       = local.builder_image
}

output "builder_repository" {
  description = "Repository for `make builder-image CLOUD=aws REPOSITORY=…`; null without a cluster, or with an image of your own."
  value       = local.builder_repository
}

output "builder_role_arns" {
  description = "Roles of the builds: one per project and domain, or CodeBuild's."
  value       = { for key, role in aws_iam_role.builder : key => role.arn }
}

output "caller_policy_arn" {
  description = "Policy that allows roles or users of this account to call the URL."
  value       = aws_iam_policy.caller.arn
}

output "caller_policy_json" {
  description = "The same policy as a document."
  value       = local.caller_policy_json
}

output "cross_account_repository_policy_json" {
  description = "Policy for a repository in another account to which builds push (defaultRepository or a spec's registry)."
  value       = templatefile("${path.module}/policies/cross-account.json.tftpl", local.policy_principals)
}

output "default_repository" {
  description = "Repository of images whose spec names no registry."
  value       = local.default_repository
}

output "deployment_key_secret_arn" {
  description = "Secret with the key that isolates projects. Only the functions may read it. Keep its value: every image's tag is derived from it."
  value       = aws_secretsmanager_secret.deployment_key.arn
}

output "environment" {
  description = "Environment of the functions, to run the bundle elsewhere."
  value       = local.environment
}

output "function_names" {
  description = "The functions: the one behind the URL, and the one behind the queue."
  value       = { for key, function in aws_lambda_function.function : key => function.function_name }
}

output "function_role_arns" {
  description = "Roles of the functions."
  value       = { for key, role in aws_iam_role.function : key => role.arn }
}

output "kms_key_policy_json" {
  description = "Statements that the policy of your own key must contain."
  value       = local.kms_key_policy
}

output "log_groups" {
  description = "Log groups of functions and builds."
  value       = { for key, group in aws_cloudwatch_log_group.logs : key => group.name }
}

output "namespaces" {
  description = "Namespace of each project and domain; empty without a cluster."
  value       = local.runner == "kubernetes" ? module.settings.namespaces : {}
}

output "private_base_repository_policy_json" {
  description = "Policy for a repository in another account that holds base images."
  value       = templatefile("${path.module}/policies/private-base.json.tftpl", local.policy_principals)
}

output "queue_urls" {
  description = "Queue of events and its dead letters; null without events."
  value = {
    events       = one(aws_sqs_queue.events[*].url)
    dead_letters = one(aws_sqs_queue.dead_letters[*].url)
  }
}

output "url" {
  description = "Function URL: the endpoint for clients."
  value       = aws_lambda_function_url.http.function_url
}
