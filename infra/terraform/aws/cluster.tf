# The functions' access to the cluster (access entries) and the jobs' access to AWS (Pod Identity or IRSA). The objects in the
# cluster are modules/kubernetes, shared by all clouds.

locals {
  cluster_arn = try("arn:${local.partition}:eks:${local.region}:${local.account_id}:cluster/${var.cluster.name}", null)
  # RBAC grants rights to this group, and the access entries add the functions' roles to it.
  function_group = "boatyard:${var.name}:function"
  cluster_statements = [{
    # For its endpoint and certificate authority. Inside the cluster, RBAC grants the rights.
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
  namespace       = module.settings.namespaces[each.key]
  service_account = local.image_builder.kubernetes.serviceAccount
  role_arn        = aws_iam_role.builder[each.key].arn
  tags            = var.tags
}

module "kubernetes" {
  source = "../modules/kubernetes"
  count  = local.runner == "kubernetes" ? 1 : 0
  name   = var.name
  namespaces = {
    for key, namespace in module.settings.namespaces : namespace => {
      service_account_annotations = local.identity == "irsa" ? { "eks.amazonaws.com/role-arn" = aws_iam_role.builder[key].arn } : {}
    }
  }
  create_namespaces       = var.cluster.namespaces
  create_service_accounts = var.cluster.service_accounts
  function_subjects       = [{ kind = "Group", name = local.function_group }]
  service_account         = local.image_builder.kubernetes.serviceAccount
  image_pull_secrets      = coalesce(local.image_builder.kubernetes.imagePullSecrets, [])
  pod_security            = module.settings.pod_security
  config_map              = { name = local.image_builder.targetConfigMapName, data = { "settings.json" = module.settings.json } }
  buildkitd               = module.settings.buildkitd
}
