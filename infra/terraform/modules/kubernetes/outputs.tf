output "buildkitd_replicas" {
  description = "Address of each replica of the managed buildkitd."
  value = flatten([
    for name in local.managed_names : [
      for replica in range(var.buildkitd.replicas) : "tcp://${name}-${replica}.${name}.${local.buildkit_namespace}.svc:${local.buildkit_port}"
    ]
  ])
}

output "service_accounts" {
  description = "Service account of the builds in each namespace, as RBAC names it."
  value       = { for namespace in keys(var.namespaces) : namespace => "system:serviceaccount:${namespace}:${var.service_account}" }
}
