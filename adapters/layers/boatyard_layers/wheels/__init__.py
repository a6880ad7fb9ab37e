"""Makes layers of wheels exactly as uv would install them, without the image's file system and without its code."""

from boatyard_layers.wheels.make import GroupStore, WheelsResult, WheelsStep, make_wheels

__all__ = ["GroupStore", "WheelsResult", "WheelsStep", "make_wheels"]
