"""Reads the installed versions of a released distribution, for images that should contain the same."""

from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def version(name: str) -> str | None:
    """The installed version, without a local part; None without one."""
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def pins(name: str) -> tuple[str, ...]:
    """`name==version` of an installed distribution and all its dependencies; sorted."""
    found: dict[str, str] = {}
    queue = [name]
    while queue:
        wanted = canonicalize_name(queue.pop())
        if wanted in found:
            continue
        try:
            distribution = metadata.distribution(wanted)
        except metadata.PackageNotFoundError:
            continue
        found[wanted] = distribution.version
        queue.extend(_needs(distribution.requires or ()))
    return tuple(f"{key}=={value}" for key, value in sorted(found.items()))


def _needs(requirements: Iterable[str]) -> list[str]:
    parsed = [Requirement(text) for text in requirements]
    return [need.name for need in parsed if need.marker is None or need.marker.evaluate({"extra": ""})]
