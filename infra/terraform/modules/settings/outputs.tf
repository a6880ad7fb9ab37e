output "buildkitd" {
  description = "The managed buildkitd, for modules/kubernetes; null if the settings need none."
  value       = local.buildkitd
}

output "image_builder" {
  description = "The settings with the defaults of their type."
  value       = var.image_builder
  precondition {
    condition     = length(local.unknown) == 0
    error_message = "Unknown settings: ${join(", ", formatlist("image_builder.%s", local.unknown))}. docs/configuration.md lists them all."
  }
  precondition {
    condition     = length(local.not_chosen) == 0
    error_message = join("\n", local.not_chosen)
  }
  precondition {
    condition     = length(local.needs_buildkit) == 0
    error_message = join("\n", local.needs_buildkit)
  }
}

output "json" {
  description = "The configuration document."
  value       = jsonencode(local.settings)
}

output "namespaces" {
  description = "Namespace of each scope."
  value       = local.namespaces
  precondition {
    # Without a cluster there is no image for its jobs, and no namespace.
    condition     = var.builder_image == null || length(local.shared) == 0
    error_message = join("\n", local.shared)
  }
}

output "pod_security" {
  description = "Pod Security level of the namespaces that build. A pod with a rootless buildkitd needs privileged; image_builder.kubernetes.runBuildkit = false forbids such pods."
  value       = local.topology == "daemonless" ? "privileged" : "restricted"
}

output "scopes" {
  description = "Project and domain of each scope, `<project>/<domain>`."
  value       = local.scopes
}
