# The settings, in every namespace that builds, as Union's Image Builder has them.

resource "kubernetes_config_map_v1" "settings" {
  for_each = var.namespaces
  metadata {
    name      = var.config_map.name
    namespace = each.key
    labels    = local.labels.build
  }
  data       = var.config_map.data
  depends_on = [kubernetes_namespace_v1.builds]
}
