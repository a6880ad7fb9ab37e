"""Input and output of a comparison."""

from typing import Literal

import msgspec

from boatyard.context import Context, Entry
from boatyard.key import Ground
from boatyard.spec import ImageSpec


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two images. `entries` of the whole context allow naming files; without them only paths are named."""

    spec: ImageSpec
    ground: Ground
    context: Context | None = None
    entries: tuple[Entry, ...] = ()


class FileChange(msgspec.Struct, frozen=True):
    change: Literal["added", "removed", "changed", "mode"]
    """`mode`: the file became executable, or stopped being so."""
    path: str
    """Path below the layer's folder; in the context if the layer names a single file."""


class Difference(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    what: Literal[
        "base image",
        "registry secret",
        "python",
        "platforms",
        "uv",
        "output",
        "dockerfile",
        "layer",
        "order",
        "files",
    ]
    text: str
    """One line for a person."""
    before: str | None = None
    after: str | None = None
    layer_before: int | None = None
    """Index among the layers; None for a layer that was added."""
    layer_after: int | None = None
    details: tuple[str, ...] = ()
    """The exact changes, one line each. Values of environment variables are left out."""
    files: tuple[FileChange, ...] = ()
