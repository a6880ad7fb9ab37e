"""Asks the API about a build that has just ended. It uses plain HTTP, because the client is a separate distribution."""

import json
import time
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen


class BuildTime(NamedTuple):
    built: bool
    seconds: float
    """The duration of the build; for a cached image, the duration of the answer."""


def ending(url: str, token: str, image: str, since: float) -> BuildTime:
    """`since`: when the image was requested, in seconds since 1970."""
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
