# What these settings need in a cluster. boatyard_kubernetes derives the same; a test compares the two.

locals {
  # "project/domain" => its parts. Access rules and names of secrets use the key.
  scopes = merge([
    for project, config in var.projects : {
      for domain in config.domains : "${project}/${domain}" => { project = project, domain = domain }
    }
  ]...)
  # scope => namespace
  namespaces = {
    for key, scope in local.scopes : key =>
    replace(replace(var.image_builder.kubernetes.namespaceTemplate, "{project}", scope.project), "{domain}", scope.domain)
  }
  # namespace => the scopes that it would be of. The key of a scope's roles and of its service account is its namespace.
  scopes_of = { for key, namespace in local.namespaces : namespace => key... }
  shared = [
    for namespace, keys in local.scopes_of : "${join(" and ", keys)} have the same namespace, ${namespace}, but each needs a service account of its own: rename one, or change image_builder.kubernetes.namespaceTemplate."
    if length(keys) > 1
  ]
  driver = coalesce(var.image_builder.buildkit.driver, var.driver)
  # As in boatyard_kubernetes.topology: an existing buildkitd first, then none if the cluster may not run one, then the managed
  # one, then one per build.
  topology = (
    var.image_builder.buildkitUri != "" || local.driver == "buildx" ? "external"
    : !var.image_builder.kubernetes.runBuildkit ? "none"
    : var.image_builder.buildkit.enabled ? "managed" : "daemonless"
  )
  buildkitd = local.topology != "managed" ? null : {
    namespace                 = var.image_builder.kubernetes.buildkitNamespace
    image                     = var.image_builder.kubernetes.buildkitImage
    replicas                  = var.image_builder.kubernetes.replicas
    cache_size                = var.image_builder.kubernetes.cacheSize
    client_certificate_secret = coalesce(var.image_builder.kubernetes.clientCertificateSecret, "boatyard-buildkit-client")
    storage_class             = var.image_builder.kubernetes.storageClass == "" ? null : var.image_builder.kubernetes.storageClass
    requests                  = var.image_builder.kubernetes.requests
    limits                    = var.image_builder.kubernetes.limits
    node_selector             = coalesce(var.image_builder.kubernetes.nodeSelector, {})
    tolerations               = coalesce(var.image_builder.kubernetes.tolerations, [])
    ca_config_map             = var.image_builder.kubernetes.caConfigMap
    host_network              = var.image_builder.network.mode == "host"
    insecure_registries       = coalesce(var.image_builder.insecureRegistries, [])
    registry_mirrors          = coalesce(var.image_builder.registryMirrors, {})
  }
}
