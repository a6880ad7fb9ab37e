# What `make bundle CLOUD=azure` says of its archive. Terraform creates the app, and `az functionapp deployment` publishes the
# archive to it: decision 0036 says why azurerm does not.

locals {
  # runtime and builderTag, among others. Other archives may have no such document.
  bundle = try(jsondecode(file(replace(var.bundle.path, "/\\.zip$/", ".json"))), {})
  # What is published: with var.inline the archive of an app that makes images.
  published = one(concat([for inline in var.inline[*] : coalesce(inline.bundle, replace(var.bundle.path, "/\\.zip$/", "-inline.zip"))], local.inline_enabled ? [] : [var.bundle.path]))
  # "python3.13" of the document is Azure's "3.13".
  bundle_runtime = try(trimprefix(local.bundle.runtime, "python"), null)
}
