"""One ECR repository: its API calls, and the permissions that they need."""

import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_aws.faults import AwsCall
from boatyard_aws.registry.host import EcrHost
from boatyard_serverless.faults import REGISTRY
from boatyard_serverless.registries import TagMutability

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageDetailTypeDef

    from boatyard_registry.media import ImageConfig, Manifest

_NO_IMAGE: Final = "ImageNotFoundException"
_NO_REPOSITORY: Final = "RepositoryNotFoundException"
_SOMEBODY_WAS_QUICKER: Final = "RepositoryAlreadyExistsException"
_LARGEST_CONFIG: Final = 4 * 1024**2
_HTTP_OK: Final = 200


class NoRepository(Exception):
    """The repository is missing, not only the image."""


class EcrRepository:
    """Implements `boatyard_registry.inside.Source`.

    Every method raises REGISTRY_DENIED, which names the missing permission, or REGISTRY_UNAVAILABLE.
    """

    def __init__(self, client: "ECRClient", host: EcrHost, reference: Reference, left: Callable[[], float]) -> None:
        """`left` returns the seconds left for the lookup."""
        self._client = client
        self._reference = reference
        self._named: Any = {"registryId": host.registry_id, "repositoryName": reference.repository.path}
        self._resource = f"repository/{reference.repository.path} of account {host.registry_id}"
        self._left = left

    def describe(self) -> "ImageDetailTypeDef | None":
        """The image of the reference. Also raises NoRepository."""
        reference = self._reference
        asked: Any = {"imageDigest": reference.digest} if reference.digest else {"imageTag": reference.tag}
        with self._call("ecr:DescribeImages", _NO_IMAGE, _NO_REPOSITORY) as call:
            details = self._client.describe_images(**self._named, imageIds=[asked])["imageDetails"]
        if call.met == _NO_REPOSITORY:
            raise NoRepository
        if call.met:
            return None
        if not details:
            unclear = f"ECR answered neither with {reference} nor that it is not there"
            raise BoatyardError(Code.REGISTRY_UNAVAILABLE, unclear)
        return details[0]

    def manifests(self, digests: Sequence[str]) -> "Mapping[str, Manifest]":
        # Imported here, because answers from the cache do not need it.
        from boatyard_registry.media import INDEX_TYPES, MANIFEST_TYPES, Manifest

        types = [*INDEX_TYPES, *MANIFEST_TYPES]
        asked: Any = [{"imageDigest": digest} for digest in digests]
        with self._call("ecr:BatchGetImage"):
            answer = self._client.batch_get_image(**self._named, imageIds=asked, acceptedMediaTypes=types)
        try:
            images = answer["images"]
            return {each["imageId"]["imageDigest"]: decode_json(each["imageManifest"], Manifest) for each in images}
        except Undecodable:
            raise self._unreadable("manifest") from None

    def manifest(self, digest: str) -> "Manifest":
        found = self.manifests([digest]).get(digest)
        if found is None:
            raise self._unreadable("manifest")
        return found

    def config(self, manifest: "Manifest") -> "ImageConfig":
        from boatyard_registry.media import ImageConfig, sha256_of

        if manifest.config is None:
            raise self._unreadable("manifest")
        digest = manifest.config.digest
        with self._call("ecr:GetDownloadUrlForLayer"):
            url = self._client.get_download_url_for_layer(**self._named, layerDigest=digest)["downloadUrl"]
            body = _get(url, self._left())
        if body is None or sha256_of(body) != digest:
            raise self._unreadable("configuration")
        try:
            return decode_json(body, ImageConfig)
        except Undecodable:
            return ImageConfig()  # an artifact of another kind, such as a chart or a cache

    def may_move(self, tag: str) -> bool:
        """Whether a push may move the tag from its current image."""
        named: Any = {"registryId": self._named["registryId"], "repositoryNames": [self._named["repositoryName"]]}
        with self._call("ecr:DescribeRepositories"):
            (found,) = self._client.describe_repositories(**named)["repositories"]
        filters = [each["filter"] for each in found.get("imageTagMutabilityExclusionFilters", ())]
        return may_move(found["imageTagMutability"], filters, tag)

    def create(self, tags: TagMutability) -> None:
        scan: Any = {"scanOnPush": True}
        with self._call("ecr:CreateRepository", _SOMEBODY_WAS_QUICKER):
            self._client.create_repository(**self._named, imageTagMutability=tags, imageScanningConfiguration=scan)

    def _call(self, action: str, *expected: str) -> AwsCall:
        return AwsCall(action, self._resource, REGISTRY, expected=expected)

    def _unreadable(self, what: str) -> BoatyardError:
        detail = f"ECR has {self._reference}, but gives no readable {what}"
        return BoatyardError(Code.REGISTRY_UNAVAILABLE, detail)


def may_move(mutability: str, excluded: Sequence[str], tag: str) -> bool:
    """Evaluates ECR's four tag mutability settings, two of which have exceptions. In a filter, `*` matches any
    characters (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html)."""
    excepted = any(fnmatchcase(tag, pattern) for pattern in excluded)
    may = {"IMMUTABLE": False, "IMMUTABLE_WITH_EXCLUSION": excepted, "MUTABLE_WITH_EXCLUSION": not excepted}
    return may.get(mutability, True)


def _get(url: str, seconds: float) -> bytes | None:
    """Downloads a presigned S3 URL with botocore's own HTTP session, which uses its proxies and CA bundle. Follows no
    redirects."""
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    if seconds <= 0:
        return None
    request = AWSRequest(method="GET", url=url, stream_output=True).prepare()
    answer = URLLib3Session(timeout=math.ceil(max(seconds, 1))).send(request)
    try:
        body = answer.raw.read(_LARGEST_CONFIG + 1) if answer.status_code == _HTTP_OK else b""
    finally:
        answer.raw.close()
    return bytes(body) if 0 < len(body) <= _LARGEST_CONFIG else None
