# Roles on repositories, as Union's Image Builder has them: a builder is an Artifact Registry Writer; functions and nodes are
# Readers. For repositories of other projects they are outputs, and granted here only if var.cross_project says so.

locals {
  # Without `try`, which makes the keys unknown if an e-mail is unknown.
  node_members = { for key, email in(var.cluster == null ? {} : var.cluster.node_accounts) : "node ${key}" => "serviceAccount:${email}" }
  builders_own = { for key, member in local.builder_members : "builder ${key}" => member }
  # Who makes images: builds, and with var.inline the function for events, which is a reader like the other, too.
  writers = merge(local.builders_own, { for key, member in local.function_members : "inline ${key}" => member if key == "events" && local.inline_enabled })
  readers = merge({ for key, member in local.function_members : "function ${key}" => member }, local.node_members)
  # Repository that is created here => who pulls from it, and who pushes.
  own_uses = {
    images    = { writer = local.writers, reader = local.readers }
    cache     = { writer = local.writers, reader = {} }
    builder   = { writer = {}, reader = local.uses_cloudbuild ? local.builders_own : local.node_members }
    functions = { writer = { deploy = "serviceAccount:${google_service_account.deploy.email}" }, reader = {} }
  }
  # A builder only reads base images.
  named_uses = merge(
    { for name in var.repository.base_names : name => { writer = {}, reader = merge(local.builders_own, local.readers) } },
    { for name in local.push_names : name => { writer = local.writers, reader = local.readers } },
  )
  own_grants = merge([
    for repository in keys(local.repositories) : merge([
      for role, members in local.own_uses[repository] : {
        for who, member in members : "${repository}: ${who}" => { repository = repository, role = "roles/artifactregistry.${role}", member = member }
      }
    ]...)
  ]...)
  named_grants = merge([
    for name, uses in local.named_uses : merge([
      for role, members in uses : {
        for who, member in members : "${name}: ${who}" => { repository = name, role = "roles/artifactregistry.${role}", member = member }
      }
    ]...)
  ]...)
  # Terraform cannot grant roles on a repository that the function creates later: then they are granted on the project.
  is_elsewhere = { for key, grant in local.named_grants : key => split("/", grant.repository)[1] != local.project }
}

resource "google_artifact_registry_repository_iam_member" "own" {
  for_each   = local.own_grants
  project    = local.project
  location   = local.region
  repository = google_artifact_registry_repository.repository[each.value.repository].name
  role       = each.value.role
  member     = each.value.member
}

resource "google_artifact_registry_repository_iam_member" "named" {
  for_each   = { for key, grant in local.named_grants : key => grant if(!local.is_elsewhere[key] && !var.repository.create_missing) || (local.is_elsewhere[key] && var.cross_project.grant) }
  project    = split("/", each.value.repository)[1]
  location   = split("/", each.value.repository)[3]
  repository = split("/", each.value.repository)[5]
  role       = each.value.role
  member     = each.value.member
}

# Only on request: repositories that the function creates.
resource "google_project_iam_custom_role" "make_repositories" {
  count       = var.repository.create_missing ? 1 : 0
  project     = local.project
  role_id     = "${local.role_prefix}_make_repositories"
  title       = "Boatyard ${var.name}: make repositories"
  permissions = ["artifactregistry.repositories.create"]
}

resource "google_project_iam_member" "make_repositories" {
  for_each = { for key, member in local.function_members : key => member if var.repository.create_missing }
  project  = local.project
  role     = google_project_iam_custom_role.make_repositories[0].name
  member   = each.value
}

resource "google_project_iam_member" "repositories" {
  for_each = var.repository.create_missing ? merge(
    { for who, member in local.writers : who => { role = "roles/artifactregistry.writer", member = member } },
    { for who, member in local.readers : who => { role = "roles/artifactregistry.reader", member = member } },
  ) : {}
  project = local.project
  role    = each.value.role
  member  = each.value.member
}
