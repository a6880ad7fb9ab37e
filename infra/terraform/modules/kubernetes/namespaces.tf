# One namespace per project and domain, as runs have them. Usually they are there before Boatyard is.
#
# All objects here are those of boatyard_kubernetes.manifests, which `kubectl apply` takes where there is no Terraform;
# a test holds the two together.

locals {
  labels = {
    for component in ["build", "function", "buildkitd"] : component => {
      "app.kubernetes.io/name"       = "boatyard"
      "app.kubernetes.io/component"  = component
      "app.kubernetes.io/part-of"    = "boatyard"
      "app.kubernetes.io/managed-by" = "boatyard"
    }
  }
  # What selects pods by these labels.
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

# Nothing has business with a build's pod.
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
