"""Lowering: what a flyte `Image` means, in the terms of Boatyard's spec. One module a family of layers."""

from boatyard_flyte.lowering.image import lower
from boatyard_flyte.lowering.model import Lowered, NamedSecret
from boatyard_flyte.lowering.sources import Source

__all__ = ["Lowered", "NamedSecret", "Source", "lower"]
