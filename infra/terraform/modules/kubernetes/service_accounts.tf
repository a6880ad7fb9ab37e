# Who a build is to the cloud. Its annotations are the cloud's (IRSA, GKE and Azure Workload Identity).

resource "kubernetes_service_account_v1" "builds" {
  for_each = var.create_service_accounts ? var.namespaces : {}
  metadata {
    name        = var.service_account
    namespace   = each.key
    labels      = local.labels
    annotations = each.value.service_account_annotations
  }
  # A build's pod does not speak to the cluster's API.
  automount_service_account_token = false
  depends_on                      = [kubernetes_namespace_v1.builds]
}
