"""Checks sites other than package indexes that a step downloads from.

pixi is installed by a script from its own site. A company's network often blocks that site, and a build would
fail after minutes with an unclear error. So the site is tried at plan time if builds run on this machine, where
the attempt is meaningful.
"""

import os
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import httpx

from boatyard.errors import BoatyardError, Code

VARIABLE: Final = "BOATYARD_PIXI"
"""`allow` or `refuse`; without it, the site is tried for a local deployment and assumed reachable for others."""

_SECONDS: Final = 5.0


def check(sites: Iterable[str], *, local: bool) -> None:
    """Raises UNSUPPORTED for a site that cannot be used."""
    choice = os.environ.get(VARIABLE, "").strip().lower()
    for site in sites:
        if choice == "allow" or (choice != "refuse" and (not local or _answers(site))):
            continue
        host = urlsplit(site).hostname
        reason = f"{VARIABLE}=refuse is set" if choice == "refuse" else "it does not answer from here"
        raise BoatyardError(
            Code.UNSUPPORTED,
            f"from_pixi_script and with_pixi_project install pixi from {host}, its own site and not a package "
            f"index; {reason}. Use with_pip_packages or with_uv_project, a base image that has pixi in "
            f"/opt/pixi, or set {VARIABLE}=allow if builds can reach it",
        )


@lru_cache(maxsize=16)
def _answers(site: str) -> bool:
    try:
        return httpx.head(site, timeout=_SECONDS, follow_redirects=True).status_code < httpx.codes.BAD_REQUEST
    except httpx.HTTPError:
        return False
