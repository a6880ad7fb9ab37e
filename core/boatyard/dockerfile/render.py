"""Renders a whole spec as a Dockerfile, and maps its lines to layers."""

from collections.abc import Sequence

import msgspec

from boatyard.dockerfile.layers import instructions
from boatyard.dockerfile.quoting import NEWLINE_ARG, expandable
from boatyard.dockerfile.run import RunMounts, run
from boatyard.dockerfile.uv import uv_cache
from boatyard.errors import BoatyardError, invalid
from boatyard.spec import Commands, Env, ImageSpec, kind_of
from boatyard.validate import LONGEST_DOCKERFILE

SOURCE_DATE_EPOCH = 315_532_800
"""1980-01-01, the earliest time that a zip file, and so a wheel, can store."""

CACHE_NAMESPACE_ARG = "BUILDKIT_CACHE_MOUNT_NS"
"""https://docs.docker.com/reference/dockerfile/#buildkit-built-in-build-args"""

_LONGEST_LINE = 65_535
"""Bytes of the longest line that BuildKit's parser reads (bufio.MaxScanTokenSize, less the line end)."""

_FLYTE_BASE_PATH = "flyteorg/flyte"


class RenderedLayer(msgspec.Struct, frozen=True):
    """One layer of the spec in the Dockerfile: lines `first` to `last`, counted from 1; empty if last < first."""

    index: int
    kind: str
    instruction: str
    first: int
    last: int


class Rendered(msgspec.Struct, frozen=True):
    text: str
    layers: tuple[RenderedLayer, ...]
    build_args: dict[str, str]
    encoding: str = "utf-8"
    inserted: tuple[int, ...] = ()
    """Lines of `text` that were added to the user's Dockerfile."""


def render(
    spec: ImageSpec, *, identities: Sequence[str], base: str, image_id: str, uv_by_architecture: bool, site: RunMounts
) -> Rendered:
    """The Dockerfile of a spec.

    `identities` has `key.layer_identity` of each layer, `base` is the reference after FROM, `image_id` the value of
    `_F_IMG_ID`. The build context named `uv` has the binary as `/uv`, or as `/uv-<TARGETARCH>` with
    `uv_by_architecture`.
    """
    lines = _opening(spec, base=base, uv_by_architecture=uv_by_architecture, site=site)
    build_args = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH), **cache_namespace(site)}
    if _needs_newline(spec):
        lines.append(f"ARG {NEWLINE_ARG}")
        build_args[NEWLINE_ARG] = "\n"
    owner = "flyte:flyte" if creates_flyte_user(spec) or _is_flyte_base(spec.base_image) else ""
    rendered: list[RenderedLayer] = []
    characters = 0
    for index, (layer, identity) in enumerate(zip(spec.layers, identities, strict=True)):
        try:
            made = instructions(layer, site, owner=owner, identity=identity)
            _check_length(made)
        except BoatyardError as error:
            error.layer_index = index
            error.field = f"spec.layers[{index}].{error.field or kind_of(layer)}"
            raise
        rendered.append(RenderedLayer(index, kind_of(layer), "\n".join(made), len(lines) + 1, len(lines) + len(made)))
        lines += made
        characters += sum(map(len, made))
        if characters > LONGEST_DOCKERFILE:
            raise invalid(
                f"makes a Dockerfile of more than {LONGEST_DOCKERFILE:,} characters, secrets of each command included",
                field=f"spec.layers[{index}].{kind_of(layer)}",
                layer_index=index,
            )
    if creates_flyte_user(spec):
        lines += ["USER flyte", 'WORKDIR "/home/flyte"']
    lines += [f"ENV _F_IMG_ID={expandable(image_id)}", 'SHELL ["/bin/bash", "-c"]']
    return Rendered("\n".join(lines) + "\n", tuple(rendered), build_args)


def cache_namespace(site: RunMounts) -> dict[str, str]:
    """The build argument with the prefix that BuildKit's frontend adds to the id of every cache mount, with a slash, so
    that no Dockerfile can name a cache of another namespace. It needs no ARG."""
    return {CACHE_NAMESPACE_ARG: site.cache_namespace} if site.cache_namespace else {}


def _check_length(instructions: list[str]) -> None:
    longest = max((len(line.encode()) for line in instructions), default=0)
    if longest > _LONGEST_LINE:
        raise invalid(
            f"makes an instruction of {longest:,} bytes, and BuildKit reads {_LONGEST_LINE:,} at most; make several "
            "layers of it, or copy a file"
        )


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


def _needs_newline(spec: ImageSpec) -> bool:
    return any(isinstance(layer, Env) and any("\n" in v for v in layer.env_variables.values()) for layer in spec.layers)


def _opening(spec: ImageSpec, *, base: str, uv_by_architecture: bool, site: RunMounts) -> list[str]:
    venv = (
        'if [ ! -f "$UV_PYTHON" ]; then '
        f'uv venv "$VIRTUALENV" --python={spec.python_version} && '
        '"$UV_PYTHON" -m compileall -q --invalidation-mode checked-hash "$VIRTUALENV"; fi'
    )
    return [
        f"FROM {base}",
        "USER root",
        *(
            ["ARG TARGETARCH", "COPY --from=uv /uv-${TARGETARCH} /usr/bin/uv"]
            if uv_by_architecture
            else ["COPY --from=uv /uv /usr/bin/uv"]
        ),
        # Wheels built from source, and byte code, get their times from it.
        "ARG SOURCE_DATE_EPOCH",
        'ENV UV_COMPILE_BYTECODE="1" UV_LINK_MODE="copy" VIRTUALENV="/opt/venv" UV_PYTHON="/opt/venv/bin/python"',
        # Without the cache mount, uv's own files with times of this build would stay in the image.
        run(site, venv, mounts=(uv_cache(site),)),
        'ENV PATH="${VIRTUALENV}/bin:${PATH}"',
        'ENV PATH="${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"',
    ]
