"""Lowers pixi layers as flyte does, to apt, commands and copies.

Its commands fetch pixi by an installation script from pixi's own site: not an index or a mirror that a
deployment configures. So the lowered image names that site, and `downloads.py` checks it before the image is sent.
"""

import re
from collections.abc import Iterator

from boatyard.errors import invalid
from boatyard_flyte import sdk

_SITE = re.compile(r"https://[^\s'\"|]+")


def primitives(layer: "sdk.PixiProject | sdk.PixiScript") -> Iterator[sdk.Layer]:
    try:
        yield from sdk.pixi_layers(layer)
    except (OSError, ValueError) as error:
        call = "from_pixi_script" if isinstance(layer, sdk.PixiScript) else "with_pixi_project"
        raise invalid(f"{call}: {error}") from None


def sites(layers: "list[sdk.Layer]") -> Iterator[str]:
    """The addresses that the lowered layers download from."""
    for layer in layers:
        if isinstance(layer, sdk.Commands):
            for command in layer.commands:
                yield from _SITE.findall(command)
