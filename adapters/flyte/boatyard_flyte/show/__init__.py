"""What people see while an image is built. On stderr, so that a script's own output stays clean."""

from boatyard_flyte.show.view import View, shown

__all__ = ["View", "shown"]
