"""Lowers a flyte `Image` to Boatyard's spec. There is one module per family of layers."""

from boatyard_flyte.lowering.image import lower
from boatyard_flyte.lowering.model import Lowered, NamedSecret
from boatyard_flyte.lowering.sources import FileSource

__all__ = ["FileSource", "Lowered", "NamedSecret", "lower"]
