# Terraform uploads the code, and Cloud Functions builds an image from it. `make bundle` is reproducible, so an apply changes the
# functions only if their code has changed: the object's name has the archive's hash.

locals {
  # sha256, runtime, buildEnvironment, builderTag and sizes, written by `make bundle`. Other archives may have no such document.
  bundle = merge(
    try(jsondecode(file(replace(var.bundle.path, "/\\.zip$/", ".json"))), {}),
    { hash = filesha256(var.bundle.path) },
  )
}

resource "google_storage_bucket_object" "bundle" {
  bucket = google_storage_bucket.bucket.name
  name   = "code/function-${local.bundle.hash}.zip"
  source = var.bundle.path
  lifecycle {
    create_before_destroy = true
  }
}
