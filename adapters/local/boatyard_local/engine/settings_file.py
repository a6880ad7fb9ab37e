"""Writes the engine's settings for `boatyard serve`, in the core's own model."""

import os
from typing import Any, Final

import msgspec
import tomli_w

from boatyard.settings import Network, Settings
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import Engine

_HEADER: Final = """\
# Written by `python -m boatyard_local.engine ensure`, and again whenever something changed.
# For settings of your own, copy it and name the copy: boatyard serve --config FILE
"""


def write(layout: Layout, engine: Engine, network: Network) -> None:
    """Writes the file if its contents change. Only its owner can read it, because an index URL may contain a
    password."""
    text = _HEADER + "\n" + tomli_w.dumps(table(layout, engine, network))
    path = layout.settings
    if path.is_file() and path.read_text() == text:
        return
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.rename(path)


def table(layout: Layout, engine: Engine, network: Network) -> dict[str, Any]:
    """The settings that differ from the model's defaults, validated by the model."""
    buildkit = {
        "driver": "buildx",
        "docker": engine.docker,
        "dockerHost": engine.docker_host,
        "dockerConfig": engine.docker_config,
        "builder": engine.builder or "",
    }
    if any(name.startswith("docker.io/") for image in engine.images for name in image.stands_for):
        # Without Docker Hub, the frontend of `# syntax=docker/dockerfile:…` is unreachable too.
        buildkit["dockerfileFrontend"] = "builtin"
    values: dict[str, Any] = {
        "defaultRepository": f"{engine.registry}/images",
        "platforms": list(engine.platforms),
        "defaultPlatforms": [engine.platforms[0]],
        "insecureRegistries": [engine.registry],
        "buildkit": {name: value for name, value in buildkit.items() if value},
        "uv": {"directory": str(layout.uv)},
        "network": _without_defaults(network),
        "baseImages": [
            {"match": name, "image": image.reference} for image in engine.images for name in image.stands_for
        ],
    }
    values = {name: value for name, value in values.items() if value}
    msgspec.convert(values, Settings)
    return values


def _without_defaults(network: Network) -> dict[str, Any]:
    defaults = msgspec.to_builtins(Network())
    values = msgspec.to_builtins(network)
    return {name: value for name, value in values.items() if value != defaults[name]}
