# The function's rights, in the namespaces that build only. boatyard_kubernetes.access gives the reason for each verb, and a
# test compares the two. They do not allow reading secrets.

locals {
  function_rules = [
    { api_group = "batch", resource = "jobs", verbs = ["create", "delete", "list", "patch"], names = [] },
    { api_group = "", resource = "pods", verbs = ["list"], names = [] },
    { api_group = "", resource = "pods/log", verbs = ["get"], names = [] },
    { api_group = "", resource = "events", verbs = ["list"], names = [] },
    { api_group = "", resource = "secrets", verbs = ["create", "delete", "patch"], names = [] },
    { api_group = "", resource = "configmaps", verbs = ["create"], names = [] },
    { api_group = "", resource = "configmaps", verbs = ["get", "patch"], names = ["boatyard-secrets"] },
  ]
}

resource "kubernetes_role_v1" "function" {
  for_each = var.namespaces
  metadata {
    name      = "boatyard-function"
    namespace = each.key
    labels    = local.labels.function
  }
  dynamic "rule" {
    for_each = local.function_rules
    content {
      api_groups     = [rule.value.api_group]
      resources      = [rule.value.resource]
      resource_names = length(rule.value.names) == 0 ? null : rule.value.names
      verbs          = rule.value.verbs
    }
  }
  depends_on = [kubernetes_namespace_v1.builds]
}

resource "kubernetes_role_binding_v1" "function" {
  for_each = var.namespaces
  metadata {
    name      = "boatyard-function"
    namespace = each.key
    labels    = local.labels.function
  }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "Role"
    name      = kubernetes_role_v1.function[each.key].metadata[0].name
  }
  dynamic "subject" {
    for_each = var.function_subjects
    content {
      api_group = "rbac.authorization.k8s.io"
      kind      = subject.value.kind
      name      = subject.value.name
    }
  }
}
