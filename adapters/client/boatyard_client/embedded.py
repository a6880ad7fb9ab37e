"""Finds the embedded server, if its distribution is installed."""

from importlib.metadata import entry_points
from typing import Any

from boatyard.embedded import GROUP, Prospect, Serve
from boatyard_client.errors import ConfigError


def find_serve() -> Serve:
    """Raises ConfigError with the distribution to install."""
    found: Serve | None = _load("serve")
    if found is None:
        raise ConfigError("the embedded server is not installed; pip install boatyard-local")
    return found


def find_prospect() -> Prospect | None:
    """None if the embedded server is not installed."""
    found: Prospect | None = _load("prospect")
    return found


def _load(name: str) -> Any:
    for point in entry_points(group=GROUP, name=name):
        try:
            return point.load()
        except ImportError as error:
            advice = "Install boatyard-local again."
            raise ConfigError(f"{point.value} cannot be loaded: {error}", advice=advice) from error
    return None
