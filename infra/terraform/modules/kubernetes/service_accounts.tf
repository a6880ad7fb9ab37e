# The builds' identity. The annotations bind it to a cloud's identity (IRSA, GKE and Azure Workload Identity).

resource "kubernetes_service_account_v1" "builds" {
  for_each = var.create_service_accounts && var.service_account != "default" ? var.namespaces : {}
  metadata {
    name        = var.service_account
    namespace   = each.key
    labels      = local.labels.build
    annotations = each.value.service_account_annotations
  }
  # A build's pod does not use the cluster's API.
  automount_service_account_token = false
  dynamic "image_pull_secret" {
    for_each = var.image_pull_secrets
    content {
      name = image_pull_secret.value
    }
  }
  depends_on = [kubernetes_namespace_v1.builds]
}
