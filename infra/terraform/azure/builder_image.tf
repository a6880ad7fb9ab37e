# The image that a cluster's jobs run, and the step of ACR Tasks. `make builder-image` derives its tag from its contents, and `make
# bundle` writes the same tag into the bundle's document: the settings can name the image before it exists.

locals {
  needs_builder_image = local.runner == "kubernetes" || local.uses_acrtasks
  own_builder_image   = local.runner == "kubernetes" ? local.image_builder.kubernetes.builderImage : var.acrtasks.image
  # If nothing names an image, it is in this deployment's registry.
  keeps_builder_image = local.needs_builder_image && local.own_builder_image == null
  builder_repository  = local.keeps_builder_image ? "${local.login_server}/${local.images_name}-builder" : null
  # ACR Tasks' step needs the image with an engine: decision 0027. Null for a bundle without its document.
  builder_image = (
    local.keeps_builder_image
    ? try("${local.builder_repository}:${local.bundle.builderTag}${local.uses_acrtasks ? "-engine" : ""}", null)
    : local.own_builder_image
  )
}
