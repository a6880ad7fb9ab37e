"""What every Dockerfile of a spec has before its first layer and after its last."""

from typing import Final

from boatyard.dockerfile.quoting import expandable, json_array
from boatyard.dockerfile.run import RunMounts, run
from boatyard.dockerfile.uv import uv_cache
from boatyard.spec import Commands, ImageSpec

UV_PLACE: Final = "/usr/bin/uv"
"""Path of the uv binary in every image."""

OPENING_ENVIRONMENT: Final[tuple[dict[str, str], ...]] = (
    {
        "UV_COMPILE_BYTECODE": "1",
        "UV_LINK_MODE": "copy",
        "VIRTUALENV": "/opt/venv",
        "UV_PYTHON": "/opt/venv/bin/python",
    },
    {"PATH": "${VIRTUALENV}/bin:${PATH}"},
    {
        "PATH": "${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin",
        "LD_LIBRARY_PATH": "/usr/local/nvidia/lib64",
    },
)
"""The variables of the opening, one mapping for each ENV."""

OWNER: Final = "flyte:flyte"
SHELL: Final = ("/bin/bash", "-c")
USER: Final = "flyte"
HOME: Final = "/home/flyte"
IMAGE_ID: Final = "_F_IMG_ID"

_FLYTE_BASE_PATH: Final = "flyteorg/flyte"


def owner_of_copies(spec: ImageSpec) -> str:
    """The owner of files that COPY adds; empty for root."""
    return OWNER if creates_flyte_user(spec) or _is_flyte_base(spec.base_image) else ""


def creates_flyte_user(spec: ImageSpec) -> bool:
    """True if a layer creates the non-root user `flyte`, as the SDK's own Debian base does."""
    return any(
        isinstance(layer, Commands) and any("useradd" in c and "chown -R flyte:flyte /root" in c for c in layer.cmd)
        for layer in spec.layers
    )


def _is_flyte_base(base_image: str) -> bool:
    """True for flyte's released images, which have the user `flyte` that should own copied files."""
    name = base_image.partition("@")[0]
    return name.rpartition(":")[0].endswith(_FLYTE_BASE_PATH) or name.endswith(_FLYTE_BASE_PATH)


def opening(spec: ImageSpec, *, base: str, uv_by_architecture: bool, site: RunMounts) -> list[str]:
    """The instructions before the first layer."""
    venv = (
        'if [ ! -f "$UV_PYTHON" ]; then '
        f'uv venv "$VIRTUALENV" --python={spec.python_version} && '
        '"$UV_PYTHON" -m compileall -q --invalidation-mode checked-hash "$VIRTUALENV"; fi'
    )
    return [
        f"FROM {base}",
        "USER root",
        *(
            ["ARG TARGETARCH", f"COPY --from=uv /uv-${{TARGETARCH}} {UV_PLACE}"]
            if uv_by_architecture
            else [f"COPY --from=uv /uv {UV_PLACE}"]
        ),
        # Wheels built from source, and byte code, get their times from it.
        "ARG SOURCE_DATE_EPOCH",
        _environment(OPENING_ENVIRONMENT[0]),
        # Without the cache mount, uv's own files with times of this build would stay in the image.
        run(site, venv, mounts=(uv_cache(site),)),
        *map(_environment, OPENING_ENVIRONMENT[1:]),
    ]


def closing(spec: ImageSpec, *, image_id: str) -> list[str]:
    """The instructions after the last layer. `image_id` is the value of `_F_IMG_ID`."""
    user = [f"USER {USER}", f'WORKDIR "{HOME}"'] if creates_flyte_user(spec) else []
    return [*user, f"ENV {IMAGE_ID}={expandable(image_id)}", f"SHELL {json_array(SHELL)}"]


def _environment(variables: dict[str, str]) -> str:
    return "ENV " + " ".join(f'{name}="{value}"' for name, value in variables.items())
