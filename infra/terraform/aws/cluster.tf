# The cluster lets the functions in (access entry) and its jobs out (Pod Identity or IRSA); what they find there is
# modules/kubernetes, which all clouds share.

locals {
  cluster_arn = try("arn:${local.partition}:eks:${local.region}:${local.account_id}:cluster/${var.cluster.name}", null)
  # scope => namespace, as boatyard_kubernetes makes it
  namespaces = {
    for key, scope in local.scopes : key =>
    replace(replace(var.image_builder.kubernetes.namespaceTemplate, "{project}", scope.project), "{domain}", scope.domain)
  }
  # The group that RBAC grants to; the access entries put the functions' roles into it.
  function_group = "boatyard:${var.name}:function"
  # As boatyard_kubernetes.topology chooses: one that is there already wins, else buildkit.enabled asks for one of our
  # own, else each build brings a rootless one.
  topology = (
    var.image_builder.buildkitUri != "" || local.settings.buildkit.driver == "buildx" ? "external"
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
  cluster_statements = [{
    # Endpoint and certificate authority. What a function may do inside is the cluster's RBAC.
    Sid      = "FindCluster"
    Effect   = "Allow"
    Action   = ["eks:DescribeCluster"]
    Resource = local.cluster_arn[*]
  }]
}

resource "aws_eks_access_entry" "function" {
  for_each          = { for key, function in local.functions : key => function if local.runner == "kubernetes" }
  cluster_name      = var.cluster.name
  principal_arn     = aws_iam_role.function[each.key].arn
  kubernetes_groups = [local.function_group]
  tags              = var.tags
}

resource "aws_eks_pod_identity_association" "builder" {
  for_each        = { for key, builder in local.builders : key => builder if local.identity == "pod-identity" }
  cluster_name    = var.cluster.name
  namespace       = local.namespaces[each.key]
  service_account = var.image_builder.kubernetes.serviceAccount
  role_arn        = aws_iam_role.builder[each.key].arn
  tags            = var.tags
}

module "kubernetes" {
  source = "../modules/kubernetes"
  count  = local.runner == "kubernetes" ? 1 : 0
  name   = var.name
  namespaces = {
    for key, namespace in local.namespaces : namespace => {
      service_account_annotations = local.identity == "irsa" ? { "eks.amazonaws.com/role-arn" = aws_iam_role.builder[key].arn } : {}
    }
  }
  create_namespaces       = var.cluster.namespaces
  create_service_accounts = var.cluster.service_accounts
  function_subject        = { kind = "Group", name = local.function_group }
  service_account         = var.image_builder.kubernetes.serviceAccount
  image_pull_secrets      = coalesce(var.image_builder.kubernetes.imagePullSecrets, [])
  # A pod with a rootless buildkitd is what Pod Security calls privileged.
  pod_security = local.topology == "daemonless" ? "privileged" : "restricted"
  config_map   = { name = var.image_builder.targetConfigMapName, data = { "settings.json" = local.settings_json } }
  buildkitd    = local.buildkitd
}
