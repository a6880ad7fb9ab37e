"""The Registry port over the ECR API.

The function's role needs `ecr:DescribeImages` on the repository, and `ecr:BatchGetImage` and
`ecr:GetDownloadUrlForLayer` to read an image's labels, once for each digest; before a forced build
`ecr:DescribeRepositories` tells whether its tag may move. The repository of another account is asked under its own
registryId and region, and grants the same by its repository policy.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from boatyard.build import Image
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall
from boatyard_aws.registry.host import EcrHost, parse_host
from boatyard_aws.registry.inside import Inside, Looker
from boatyard_aws.registry.mutability import is_immutable
from boatyard_aws.registry.patience import Patience
from boatyard_aws.registry.repositories import NewRepositories
from boatyard_serverless.faults import REGISTRY

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef

_TIMEOUT_SECONDS: Final = 10.0
_NO_IMAGE: Final = "ImageNotFoundException"
_NO_REPOSITORY: Final = "RepositoryNotFoundException"


class EcrRegistry:
    """Implements `boatyard.ports.Registry` for references whose host is an ECR registry. Thread-safe."""

    def __init__(
        self, clients: Clients, new: NewRepositories | None = None, *, timeout_seconds: float = _TIMEOUT_SECONDS
    ) -> None:
        self._clients = clients
        self._patience = Patience(timeout_seconds)
        self._new = new or NewRepositories()
        self._looker = Looker()

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        """See the port.

        Whoever names platforms is about to build. For them a missing repository is made, or is
        REPOSITORY_NOT_FOUND; for others there is just no image.
        """
        with self._patience.look_up():
            return self._find(reference, tuple(dict.fromkeys(platforms)))

    def _find(self, reference: Reference, wanted: tuple[str, ...]) -> Image | None:
        host = _host(reference)
        detail = self._describe(host, reference, make=bool(wanted))
        if detail is None:
            return None
        digest = detail["imageDigest"]
        inside = self._inside(host, reference, digest, wanted)
        if not set(wanted) <= set(inside.platforms):
            return None
        return Image(
            reference=str(reference.at(digest)),
            digest=digest,
            platforms=inside.platforms,
            key=inside.key,
            build_tag=inside.build_tag,
            size=detail.get("imageSizeInBytes"),
            attestations=inside.attestations,
        )

    def replaceable(self, reference: Reference) -> bool:
        """See the port. A missing repository is made, or is REPOSITORY_NOT_FOUND, as for `find`.

        Whoever may not ask for the repository's settings (`ecr:DescribeRepositories`) learns from the push.
        """
        host = _host(reference)
        with self._patience.look_up():
            if self._describe(host, reference, make=True) is None:
                return True
            return not is_immutable(self._client(host), host, reference)

    def _client(self, host: EcrHost) -> "ECRClient":
        return self._patience.watch(self._clients.ecr(host.region, fips=host.fips))

    def _describe(self, host: EcrHost, reference: Reference, *, make: bool) -> "ImageDetailTypeDef | None":
        asked: Any = {"imageDigest": reference.digest} if reference.digest else {"imageTag": reference.tag}
        resource = f"repository/{reference.repository.path} of account {host.registry_id}"
        with AwsCall("ecr:DescribeImages", resource, REGISTRY, expected={_NO_IMAGE, _NO_REPOSITORY}) as call:
            answer = self._client(host).describe_images(
                registryId=host.registry_id,
                repositoryName=reference.repository.path,
                imageIds=[asked],
            )
            if not answer["imageDetails"]:
                unclear = f"ECR answered neither with {reference} nor that it is not there"
                raise BoatyardError(Code.REGISTRY_UNAVAILABLE, unclear)
            return answer["imageDetails"][0]
        if make and call.met == _NO_REPOSITORY:
            self._new.make(self._clients, host, reference.repository)
        return None

    def _inside(self, host: EcrHost, reference: Reference, digest: str, wanted: tuple[str, ...]) -> Inside:
        client, seconds = self._client(host), self._patience.left
        try:
            return self._looker.look(client, host, reference, digest, labels=bool(wanted), seconds=seconds)
        except BoatyardError as error:
            if wanted or error.code != Code.REGISTRY_DENIED:
                raise
            return Inside()  # it is there; what is in it may not be told


def _host(reference: Reference) -> EcrHost:
    host = parse_host(reference.repository.host)
    if host is None:
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{reference.repository.host} is not an ECR registry")
    return host
