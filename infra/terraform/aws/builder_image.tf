# The image that a cluster's jobs run. `make builder-image` derives its tag from its contents, and `make bundle` writes the same
# tag into the bundle's document: the settings can name the image before it exists, and tags stay immutable. Nodes pull it;
# builds may not push it.

locals {
  # If the settings name no image, the repository is created here.
  keeps_builder_image = local.runner == "kubernetes" && local.image_builder.kubernetes.builderImage == null
  builder_repository  = one([for key in ["builder"] : aws_ecr_repository.repository[key].repository_url if contains(keys(local.repositories), key)])
  # Null with CodeBuild, and for a bundle without its document.
  builder_image = (
    local.keeps_builder_image
    ? try("${local.builder_repository}:${local.bundle.builderTag}", null)
    : local.image_builder.kubernetes.builderImage
  )
}
