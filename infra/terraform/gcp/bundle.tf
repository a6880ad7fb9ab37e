# Terraform uploads the code, and Cloud Functions builds an image from it. `make bundle` is reproducible, so an apply changes the
# functions only if their code has changed: the object's name has the archive's hash.

locals {
  # sha256, runtime, buildEnvironment, builderTag and sizes, written by `make bundle`. Other archives may have no such document.
  bundle = merge(
    try(jsondecode(file(replace(var.bundle.path, "/\\.zip$/", ".json"))), {}),
    { hash = filesha256(var.bundle.path) },
  )
}

# The archive of the function that makes images itself.
resource "google_storage_bucket_object" "inline" {
  for_each = toset([for inline in var.inline[*] : coalesce(inline.bundle, replace(var.bundle.path, "/\\.zip$/", "-inline.zip"))])
  bucket   = google_storage_bucket.bucket.name
  name     = "code/function-${try(filesha256(each.key), "missing")}.zip"
  source   = each.key
  lifecycle {
    create_before_destroy = true
    precondition {
      condition     = fileexists(each.key)
      error_message = "${each.key}, the archive of the function that makes images, does not exist. Run `make bundle CLOUD=gcp`, which writes it beside the other, or set inline.bundle."
    }
  }
}

resource "google_storage_bucket_object" "bundle" {
  bucket = google_storage_bucket.bucket.name
  name   = "code/function-${local.bundle.hash}.zip"
  source = var.bundle.path
  lifecycle {
    create_before_destroy = true
  }
}
