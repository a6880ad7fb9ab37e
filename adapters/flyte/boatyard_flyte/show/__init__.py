"""Shows a build's progress on stderr, so that a script's own output stays clean."""

from boatyard_flyte.show.view import View, shown

__all__ = ["View", "shown"]
