output "buildkitd" {
  description = "The managed buildkitd, as modules/kubernetes takes it; null where the settings want none."
  value       = local.buildkitd
}

output "image_builder" {
  description = "The settings with the defaults of their type, for what a root makes of them."
  value       = var.image_builder
  precondition {
    condition     = length(local.unknown) == 0
    error_message = "No such setting: ${join(", ", formatlist("image_builder.%s", local.unknown))}. docs/configuration.md lists them all."
  }
  precondition {
    condition     = length(local.not_chosen) == 0
    error_message = join("\n", local.not_chosen)
  }
}

output "json" {
  description = "The configuration document."
  value       = jsonencode(local.settings)
}

output "namespaces" {
  description = "Namespace of each scope."
  value       = local.namespaces
}

output "pod_security" {
  description = "Pod Security level of the namespaces that build: a pod with a rootless buildkitd is what it calls privileged."
  value       = local.topology == "daemonless" ? "privileged" : "restricted"
}

output "scopes" {
  description = "Project and domain of each scope, `<project>/<domain>`."
  value       = local.scopes
}
