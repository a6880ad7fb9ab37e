"""Which registry answers for a reference: ECR by its API, any other by the distribution protocol."""

from collections.abc import Callable, Iterable
from functools import cached_property

from boatyard.build import Image
from boatyard.ports import Registry
from boatyard.reference import Reference
from boatyard_aws.ecr.host import parse_host


class RegistryByHost:
    """Implements `boatyard.ports.Registry`. Each is made when the first reference of its kind comes."""

    def __init__(self, ecr: Callable[[], Registry], other: Callable[[], Registry]) -> None:
        self._make_ecr = ecr
        self._make_other = other

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        return self._of(reference).find(reference, platforms)

    def replaceable(self, reference: Reference) -> bool:
        return self._of(reference).replaceable(reference)

    def _of(self, reference: Reference) -> Registry:
        return self._ecr if parse_host(reference.repository.host) else self._other

    @cached_property
    def _ecr(self) -> Registry:
        return self._make_ecr()

    @cached_property
    def _other(self) -> Registry:
        return self._make_other()
