"""Implements the Registry port with the ECR API.

The function's role needs `ecr:DescribeImages` on the repository, and `ecr:BatchGetImage` and
`ecr:GetDownloadUrlForLayer` to read an image's labels, once for each digest; before a forced build,
`ecr:DescribeRepositories` shows whether its tag may move. Lookups in another account's repository use its registryId
and region, and its repository policy must grant the same actions.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from boatyard.build import Image
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_aws.clients import Clients
from boatyard_aws.registry.host import parse_host
from boatyard_aws.registry.patience import RegistryPatience
from boatyard_aws.registry.repository import EcrRepository, NoRepository
from boatyard_serverless.registries import NewRepositories

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef

    from boatyard_registry.inside import OpenedImages

_TIMEOUT_SECONDS: Final = 10.0
_MOST_OPENED: Final = 10_000


class EcrRegistry:
    """Implements `boatyard.ports.Registry` for references whose host is an ECR registry. Thread-safe."""

    def __init__(
        self, clients: Clients, new: NewRepositories | None = None, *, timeout_seconds: float = _TIMEOUT_SECONDS
    ) -> None:
        self._clients = clients
        self._patience = RegistryPatience(timeout_seconds)
        self._new = new or NewRepositories()

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        """See the port.

        A caller that names platforms is about to build. For it, a missing repository is created, or raises
        REPOSITORY_NOT_FOUND; for other callers, there is just no image.
        """
        wanted = tuple(dict.fromkeys(platforms))
        with self._patience.look_up():
            repository = self._repository(reference)
            detail = self._described(repository, reference, create=bool(wanted))
            if detail is None:
                return None
            digest = detail["imageDigest"]
            inside = self._opened.inside(digest, repository, needed=bool(wanted))
        if not set(wanted) <= set(inside.platforms):
            return None
        return replace(inside, size=detail.get("imageSizeInBytes")).image(reference, digest)

    def replaceable(self, reference: Reference) -> bool:
        """See the port. A missing repository is created, or raises REPOSITORY_NOT_FOUND, as in `find`."""
        with self._patience.look_up():
            repository = self._repository(reference)
            if self._described(repository, reference, create=True) is None:
                return True
            try:
                return repository.may_move(reference.tag or "")
            except BoatyardError as error:
                if error.code != Code.REGISTRY_DENIED:
                    raise
                return True  # without ecr:DescribeRepositories, only the push can show it

    def _repository(self, reference: Reference) -> EcrRepository:
        host = parse_host(reference.repository.host)
        if host is None:
            raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{reference.repository.host} is not an ECR registry")
        client = self._patience.watch(self._clients.ecr(host.region, fips=host.fips))
        return EcrRepository(client, host, reference, lambda: self._patience.left)

    def _described(
        self, repository: EcrRepository, reference: Reference, *, create: bool
    ) -> "ImageDetailTypeDef | None":
        try:
            return repository.describe()
        except NoRepository:
            if not create:
                return None
        if not self._new.allowed:
            raise BoatyardError(Code.REPOSITORY_NOT_FOUND, f"ECR has no repository {reference.repository}")
        repository.create(self._new.tags)
        return None

    @cached_property
    def _opened(self) -> "OpenedImages":
        from boatyard_registry.inside import OpenedImages

        return OpenedImages(_MOST_OPENED)
