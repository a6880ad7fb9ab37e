"""Renders specs as Dockerfiles that no value of a spec can break out of."""

from boatyard.dockerfile.render import Rendered, RenderedLayer, render

__all__ = ["Rendered", "RenderedLayer", "render"]
