# Every resource names its project: for_each over other projects' repositories has to know it before an apply, so it cannot come
# from the provider.

data "google_project" "current" {
  project_id = var.project
}

locals {
  project = var.project
  region  = var.region
  # IAM conditions and Google's own accounts name a project by its number.
  project_number = data.google_project.current.number
  # Without a cluster Cloud Build runs the builds, unless the function for events does.
  runner          = var.inline != null ? "inline" : var.cluster == null ? "cloudbuild" : "kubernetes"
  inline_enabled  = local.runner == "inline"
  uses_cloudbuild = local.runner == "cloudbuild" || try(var.inline.cloudbuild, false)
  # For custom roles, whose ids have no hyphens.
  role_prefix = replace(var.name, "-", "_")
}
