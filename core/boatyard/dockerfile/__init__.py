"""Renders specs as Dockerfiles, so that no value of a spec can add instructions."""

from boatyard.dockerfile.render import Rendered, RenderedLayer, render

__all__ = ["Rendered", "RenderedLayer", "render"]
