# One namespace per project and domain, as runs have them. Usually they are there before Boatyard is.

locals {
  labels = {
    "app.kubernetes.io/part-of"    = "boatyard"
    "app.kubernetes.io/managed-by" = "terraform"
    "app.kubernetes.io/instance"   = var.name
  }
}

resource "kubernetes_namespace_v1" "builds" {
  for_each = var.create_namespaces ? var.namespaces : {}
  metadata {
    name   = each.key
    labels = local.labels
  }
}
