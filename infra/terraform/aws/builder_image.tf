# What a cluster's jobs run. `make builder-image` pushes it under a tag made of all that goes into it, which the bundle's
# document names too: so the settings know the image before it is there, and the repository takes a tag only once. The
# nodes pull it; no build may push to it.

locals {
  # Where the settings name no image, it is kept here.
  keeps_builder_image = local.runner == "kubernetes" && local.image_builder.kubernetes.builderImage == null
  builder_repository  = one([for key in ["builder"] : aws_ecr_repository.repository[key].repository_url if contains(keys(local.repositories), key)])
  # null for CodeBuild, and for a bundle without its document
  builder_image = (
    local.keeps_builder_image
    ? try("${local.builder_repository}:${local.bundle.builderTag}", null)
    : local.image_builder.kubernetes.builderImage
  )
}
