"""Computes an image's target: the reference made of a repository, a name and a key."""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from boatyard import artifacts
from boatyard.errors import invalid
from boatyard.reference import Reference, Repository
from boatyard.settings import RepositoryLayout

DEFAULT_NAME: Final = "image"
_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*\Z")
_LONGEST_NAME: Final = 80


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The user's choice of a target. An empty `registry` means the deployment's default repository."""

    registry: Annotated[str, Meta(max_length=512)] = ""
    name: Annotated[str, Meta(max_length=512)] = ""


def reference(target: Target, default_repository: str, tag: str, *, layout: RepositoryLayout | None) -> Reference:
    """The reference that an image is pushed to. The default layout is `each`. Raises INVALID_SPEC if none is known."""
    name = target.name or DEFAULT_NAME
    if not _NAME.match(name) or len(name) > _LONGEST_NAME:
        raise invalid(
            f"{name!r} is not an image name: lower-case letters, digits and . _ - between them",
            field="target.name",
        )
    if target.registry:
        registry = Repository.parse(target.registry.rstrip("/") + "/" + name, field="target.registry")
        return Reference(registry, tag)
    if not default_repository:
        raise invalid(
            "no registry is given and the deployment has no defaultRepository; set one of them",
            field="target.registry",
        )
    repository = Repository.parse(default_repository.rstrip("/"), field="defaultRepository")
    if layout == "one":
        if name in artifacts.KINDS:
            # Its tags would have the form of an artifact's, which are removed when they are old.
            raise invalid(
                f"{name!r} is Boatyard's own name in a repository that holds all images; choose another",
                field="target.name",
            )
        return Reference(repository, f"{name}-{tag}")
    return Reference(repository.child(name), tag)
