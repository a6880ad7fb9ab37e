"""Renders a whole spec as a Dockerfile, and maps its lines to layers."""

from collections.abc import Sequence

import msgspec

from boatyard.dockerfile.frame import closing, opening, owner_of_copies
from boatyard.dockerfile.layers import instructions
from boatyard.dockerfile.quoting import NEWLINE_ARG
from boatyard.dockerfile.run import RunMounts
from boatyard.errors import BoatyardError, invalid
from boatyard.spec import Env, ImageSpec, kind_of
from boatyard.validate import LONGEST_DOCKERFILE

SOURCE_DATE_EPOCH = 315_532_800
"""1980-01-01, the earliest time that a zip file, and so a wheel, can store."""

CACHE_NAMESPACE_ARG = "BUILDKIT_CACHE_MOUNT_NS"
"""https://docs.docker.com/reference/dockerfile/#buildkit-built-in-build-args"""

_LONGEST_LINE = 65_535
"""Bytes of the longest line that BuildKit's parser reads (bufio.MaxScanTokenSize, less the line end)."""


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
    opening: int = 0
    """Lines before the first layer's."""


def render(
    spec: ImageSpec, *, identities: Sequence[str], base: str, image_id: str, uv_by_architecture: bool, site: RunMounts
) -> Rendered:
    """The Dockerfile of a spec.

    `identities` has `key.layer_identity` of each layer, `base` is the reference after FROM, `image_id` the value of
    `_F_IMG_ID`. The build context named `uv` has the binary as `/uv`, or as `/uv-<TARGETARCH>` with
    `uv_by_architecture`.
    """
    lines = opening(spec, base=base, uv_by_architecture=uv_by_architecture, site=site)
    build_args = {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH), **cache_namespace(site)}
    if _needs_newline(spec):
        lines.append(f"ARG {NEWLINE_ARG}")
        build_args[NEWLINE_ARG] = "\n"
    owner = owner_of_copies(spec)
    opened = len(lines)
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
    lines += closing(spec, image_id=image_id)
    return Rendered("\n".join(lines) + "\n", tuple(rendered), build_args, opening=opened)


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


def _needs_newline(spec: ImageSpec) -> bool:
    return any(isinstance(layer, Env) and any("\n" in v for v in layer.env_variables.values()) for layer in spec.layers)
