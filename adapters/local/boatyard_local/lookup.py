"""What the API says of an image that was just asked for. Plain HTTP: the client is a distribution of its own."""

import json
import time
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen


class BuildTime(NamedTuple):
    built: bool
    seconds: float
    """How long the build took; for a cached image, how long the answer takes."""


def ending(url: str, token: str, image: str, since: float) -> BuildTime:
    """`since`: seconds since 1970, when the image was asked for."""
    began = time.monotonic()
    found = _get(f"{url}/v1/images/{quote(image, safe='/:@')}", token)
    answered = time.monotonic() - began
    build_id = found.get("buildId")
    build = _get(f"{url}/v1/builds/{build_id}", token) if build_id else {}
    if "finishedAt" in build and build["createdAt"] >= since:
        return BuildTime(True, build["finishedAt"] - build["createdAt"])
    return BuildTime(False, answered)


def _get(url: str, token: str) -> dict[str, Any]:
    request = Request(url, headers={"authorization": f"Bearer {token}"})  # noqa: S310 - our own loopback URL
    try:
        with urlopen(request, timeout=20) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
            return found
    except (URLError, OSError, ValueError):
        return {}
