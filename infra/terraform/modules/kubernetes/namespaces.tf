# One namespace per project and domain, the same as for runs. They usually exist before Boatyard.
#
# The objects of this module are those of boatyard_kubernetes.manifests, for `kubectl apply` without Terraform. A test
# compares the two.

locals {
  labels = {
    for component in ["build", "function", "buildkitd"] : component => {
      "app.kubernetes.io/name"       = "boatyard"
      "app.kubernetes.io/component"  = component
      "app.kubernetes.io/part-of"    = "boatyard"
      "app.kubernetes.io/managed-by" = "boatyard"
    }
  }
  # The labels by which pods are selected.
  pods = {
    for component in ["build", "buildkitd"] : component => {
      "app.kubernetes.io/managed-by" = "boatyard"
      "app.kubernetes.io/component"  = component
    }
  }
}

resource "kubernetes_namespace_v1" "builds" {
  for_each = var.create_namespaces ? var.namespaces : {}
  metadata {
    name   = each.key
    labels = merge(local.labels.build, { "pod-security.kubernetes.io/enforce" = var.pod_security })
  }
}

# Nothing connects to a build's pod.
resource "kubernetes_network_policy_v1" "builds" {
  for_each = var.namespaces
  metadata {
    name      = "boatyard-build"
    namespace = each.key
    labels    = local.labels.build
  }
  spec {
    policy_types = ["Ingress"]
    pod_selector {
      match_labels = local.pods.build
    }
  }
  depends_on = [kubernetes_namespace_v1.builds]
}
