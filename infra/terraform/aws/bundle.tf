# Terraform uploads the code with the functions; it is far below Lambda's limit of 50 MB for that. `make bundle` is
# reproducible, so an apply changes the functions only if their code has changed.

locals {
  # sha256, runtime, architecture, builderTag and sizes, written by `make bundle`. Other archives may have no such document.
  bundle = try(jsondecode(file(replace(var.bundle.path, "/\\.zip$/", ".json"))), {})
}
