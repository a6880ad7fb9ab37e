"""What a difference is told from, and what is told."""

from typing import Literal

import msgspec

from boatyard.context import Context, Entry
from boatyard.key import Ground
from boatyard.spec import ImageSpec


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two. `entries` are those of the whole context, to name files; without them only paths are named."""

    spec: ImageSpec
    ground: Ground
    context: Context | None = None
    entries: tuple[Entry, ...] = ()


class FileChange(msgspec.Struct, frozen=True):
    change: Literal["added", "removed", "changed", "mode"]
    """`mode`: it became executable, or stopped being it."""
    path: str
    """Below the path that the layer names; in the context where the layer names a single file."""


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
    """What exactly changed, a line each. Values of environment variables are left out."""
    files: tuple[FileChange, ...] = ()
