"""Selects the registry for a reference: the cloud's own by its API, any other by the distribution protocol."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Literal, TypeAlias

import msgspec

from boatyard.build import Image
from boatyard.ports import Registry
from boatyard.reference import Reference
from boatyard.settings import Settings

TagMutability: TypeAlias = Literal["IMMUTABLE", "MUTABLE"]


class NewRepositories(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the cloud's own registry creates missing repositories, and their settings."""

    allowed: bool = False
    """Otherwise a missing one is REPOSITORY_NOT_FOUND, which says what to do."""
    tags: TagMutability = "IMMUTABLE"
    """MUTABLE lets a forced build replace an existing image."""


class RegistryByHost:
    """Implements `boatyard.ports.Registry`. Creates each registry for the first reference that needs it.

    `is_own` returns whether a host, with its port, is the cloud's own registry.
    """

    def __init__(
        self, own: Callable[[], Registry], other: Callable[[], Registry], *, is_own: Callable[[str], bool]
    ) -> None:
        self._make_own = own
        self._make_other = other
        self._is_own = is_own

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        return self._of(reference).find(reference, platforms)

    def replaceable(self, reference: Reference) -> bool:
        return self._of(reference).replaceable(reference)

    def _of(self, reference: Reference) -> Registry:
        return self._own if self._is_own(reference.repository.host) else self._other

    @cached_property
    def _own(self) -> Registry:
        return self._make_own()

    @cached_property
    def _other(self) -> Registry:
        return self._make_other()


def any_registry(settings: Settings) -> Registry:
    """A registry by the distribution protocol, without credentials: only the job has the build's own."""
    from boatyard_registry import OciRegistry

    return OciRegistry(
        insecure=settings.insecure_registries,
        ca_bundle=settings.network.ca_bundle,
        timeout_seconds=settings.limits.registry_timeout_seconds,
    )
