# Projects' secrets in Secret Manager, where there is no cluster. Only a function that makes images itself reads the value of one: no predefined role
# can write secrets without reading them.

locals {
  secret_roles = {
    for key, role in {
      # On the whole project: IAM checks neither on a secret.
      secret_names = {
        title       = "make and list secrets"
        permissions = ["secretmanager.secrets.create", "secretmanager.secrets.list"]
      }
      secret_values = {
        title = "write secrets, and read none"
        permissions = [
          "secretmanager.secrets.delete", "secretmanager.secrets.update", "secretmanager.versions.add",
          "secretmanager.versions.destroy", "secretmanager.versions.get", "secretmanager.versions.list",
        ]
      }
      # Before a build: does each secret exist?
      secret_exists = {
        title       = "know that a secret exists"
        permissions = ["secretmanager.versions.get"]
      }
    } : key => role if local.runner != "kubernetes"
  }
  secret_grants = {
    for key, grant in {
      http_names    = { function = "http", role = "secret_names", conditional = false }
      http_values   = { function = "http", role = "secret_values", conditional = true }
      events_exists = { function = "events", role = "secret_exists", conditional = true }
    } : key => grant if local.runner != "kubernetes" && contains(keys(local.functions), grant.function)
  }
}

resource "google_project_iam_custom_role" "secrets" {
  for_each    = local.secret_roles
  project     = local.project
  role_id     = "${local.role_prefix}_${each.key}"
  title       = "Boatyard ${var.name}: ${each.value.title}"
  permissions = each.value.permissions
}

resource "google_project_iam_member" "secrets" {
  for_each = local.secret_grants
  project  = local.project
  role     = google_project_iam_custom_role.secrets[each.value.role].name
  member   = local.function_members[each.value.function]
  dynamic "condition" {
    for_each = each.value.conditional ? [local.in_secrets] : []
    content {
      title      = "boatyard-${var.name}-secrets"
      expression = condition.value
    }
  }
}
