"""Lowers the base image."""

from boatyard.errors import invalid
from boatyard_flyte import sdk


def base_image(image: sdk.Image) -> str:
    """The reference after FROM. A name from `from_ref_name` is looked up as in flyte's deploy."""
    if image.base_image:
        return image.base_image
    name = sdk.reference_name(image)
    if name is None:
        raise invalid("from_base: the image has no reference; was it made from an unset variable?")
    known = sdk.configured_images()
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise invalid(
            f"from_ref_name({name!r}): no image with that name is configured (known: {names}); set it in the "
            "`image` section of the configuration, or with flyte.init(images={...})"
        )
    return known[name]
