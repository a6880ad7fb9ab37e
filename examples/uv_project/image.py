"""A uv project, installed into the image with its dependencies.

    FLYTE_IMAGE_BUILDER=boatyard python examples/uv_project/image.py

With a uv.lock beside pyproject.toml (`uv lock`), the image has exactly its versions.
"""

from pathlib import Path

import flyte

image = (
    flyte.Image.from_base("python:3.11-slim-bookworm")
    .clone(name="uv-project", extendable=True, python_version=(3, 11))
    .with_uv_project(Path(__file__).with_name("pyproject.toml"), project_install_mode="install_project")
)

if __name__ == "__main__":
    flyte.init_from_config()
    print(f"image: {flyte.build(image).uri}")
