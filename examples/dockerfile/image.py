"""A whole Dockerfile, with its folder as the context.

    FLYTE_IMAGE_REGISTRY=ghcr.io/acme FLYTE_IMAGE_BUILDER=boatyard python examples/dockerfile/image.py

The SDK requires a registry for such an image; any that Boatyard may push to works.
"""

import os
from pathlib import Path

import flyte

image = flyte.Image.from_dockerfile(
    Path(__file__).with_name("Dockerfile"),
    registry=os.environ.get("FLYTE_IMAGE_REGISTRY", "127.0.0.1:5050/images"),
    name="from-dockerfile",
)

if __name__ == "__main__":
    flyte.init_from_config()
    print(f"image: {flyte.build(image).uri}")
