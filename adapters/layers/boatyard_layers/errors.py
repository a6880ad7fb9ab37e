"""Why a maker leaves a layer to BuildKit."""

from typing import Final

_LONGEST: Final = 500


class NotExact(Exception):
    """The layer cannot be made exactly as BuildKit would make it. The text says why, for the build's log: in one line,
    although it may quote what a base image names."""

    def __init__(self, reason: str) -> None:
        super().__init__(" ".join(reason.split())[:_LONGEST])


class NoSuchBase(NotExact):
    """The registry has no such image for the platform, which BuildKit explains."""
