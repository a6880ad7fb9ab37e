"""The flyte SDK's image builder that asks Boatyard: `FLYTE_IMAGE_BUILDER=boatyard`."""
