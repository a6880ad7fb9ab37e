# The key that isolates projects (docs/security.md). Terraform creates the secret without a value, and the first function
# that needs the key writes it once: it is in neither state nor plan.

resource "google_secret_manager_secret" "deployment_key" {
  project   = local.project
  secret_id = "${var.name}-deployment-key"
  labels    = var.labels
  # A key is in one region. A later change of the variable must not replace the secret: its value is every image's.
  replication {
    dynamic "auto" {
      for_each = local.kms_key == null ? [true] : []
      content {}
    }
    dynamic "user_managed" {
      for_each = local.kms_key[*]
      content {
        replicas {
          location = local.region
          customer_managed_encryption {
            kms_key_name = user_managed.value
          }
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [replication]
  }
  depends_on = [google_kms_crypto_key_iam_member.agent]
}

# The only secret whose value a function may read. Builders may not.
resource "google_secret_manager_secret_iam_member" "deployment_key" {
  for_each = {
    for pair in setproduct(keys(local.functions), ["secretAccessor", "secretVersionAdder"]) :
    "${pair[0]}-${pair[1]}" => { function = pair[0], role = "roles/secretmanager.${pair[1]}" }
  }
  project   = local.project
  secret_id = google_secret_manager_secret.deployment_key.id
  role      = each.value.role
  member    = local.function_members[each.value.function]
}
