# The image that a cluster's jobs run, and Cloud Build's step. `make builder-image` derives its tag from its contents, and `make
# bundle` writes the same tag into the bundle's document: the settings can name the image before it exists, and tags stay
# immutable. Builds pull it; they may not push it.

locals {
  needs_builder_image = local.runner == "kubernetes" || local.uses_cloudbuild
  own_builder_image   = local.runner == "kubernetes" ? local.image_builder.kubernetes.builderImage : var.cloudbuild.image
  # If nothing names an image, the repository is created here.
  keeps_builder_image = local.needs_builder_image && local.own_builder_image == null
  builder_repository  = local.keeps_builder_image ? "${local.repository_urls["builder"]}/builder" : null
  # Cloud Build's step needs the image with an engine: decision 0027. Null for a bundle without its document.
  builder_image = (
    local.keeps_builder_image
    ? try("${local.builder_repository}:${local.bundle.builderTag}${local.uses_cloudbuild ? "-engine" : ""}", null)
    : local.own_builder_image
  )
}
