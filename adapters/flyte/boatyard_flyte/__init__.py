"""The plugin that lets the flyte SDK build images with Boatyard: `FLYTE_IMAGE_BUILDER=boatyard`."""
