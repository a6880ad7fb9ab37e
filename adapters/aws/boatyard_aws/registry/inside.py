"""What is inside an image: its platforms, and the labels that all of them have."""

import math
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_aws.faults import AwsCall
from boatyard_aws.registry.host import EcrHost
from boatyard_serverless.faults import REGISTRY

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from boatyard_registry.media import ImageConfig, Manifest

_MOST: Final = 10_000
_MOST_IMAGES: Final = 16
"""Of an index that is looked into. Nobody builds for more platforms, and each is two requests."""
_LARGEST_CONFIG: Final = 4 * 1024**2
_HTTP_OK: Final = 200


class Inside(msgspec.Struct, frozen=True, kw_only=True):
    platforms: tuple[str, ...] = ()
    key: str | None = None
    build_tag: str | None = None
    attestations: tuple[str, ...] = ()


class Looker:
    """Looks into images by digest, once each. Thread-safe."""

    def __init__(self) -> None:
        self._seen: dict[str, Inside] = {}
        self._lock = threading.Lock()

    def look(
        self, client: "ECRClient", host: EcrHost, reference: Reference, digest: str, *, labels: bool, seconds: float
    ) -> Inside:
        """Raises REGISTRY_DENIED without ecr:BatchGetImage; and, where `labels` are needed, without
        ecr:GetDownloadUrlForLayer."""
        with self._lock:
            if found := self._seen.get(digest):
                return found
        image = _Image(client, host, reference, seconds)
        manifest = image.manifests([digest]).get(digest)
        if manifest is None:
            raise image.unreadable("manifest")
        try:
            inside = _of_config(image, manifest) if manifest.manifests is None else _of_index(image, manifest)
        except BoatyardError as error:
            if labels or error.code != Code.REGISTRY_DENIED:
                raise
            inside = None
        if inside is None:
            return _platforms(manifest)
        with self._lock:
            if len(self._seen) >= _MOST:
                self._seen.clear()
            self._seen[digest] = inside
        return inside


def _of_index(image: "_Image", manifest: "Manifest") -> Inside | None:
    """With the labels that all of its images have: a node may run any. None if one is not there, and may come."""
    images = [entry for entry in manifest.manifests or () if not entry.is_attestation]
    inside = _platforms(manifest)
    if not 1 <= len(images) <= _MOST_IMAGES:
        return inside
    manifests = image.manifests([entry.digest for entry in images])
    if len(manifests) < len({entry.digest for entry in images}):
        return None
    configs = [image.config(each) for each in manifests.values()]
    keys, build_tags = {config.key for config in configs}, {config.build_tag for config in configs}
    return msgspec.structs.replace(
        inside,
        key=keys.pop() if len(keys) == 1 else None,
        build_tag=build_tags.pop() if len(build_tags) == 1 else None,
    )


def _platforms(manifest: "Manifest") -> Inside:
    """What an index says by itself."""
    entries = manifest.manifests or ()
    images = [entry for entry in entries if not entry.is_attestation]
    return Inside(
        platforms=tuple(dict.fromkeys(str(entry.platform) for entry in images if entry.platform)),
        attestations=tuple(entry.digest for entry in entries if entry.is_attestation),
    )


def _of_config(image: "_Image", manifest: "Manifest") -> Inside | None:
    config = image.config(manifest)
    return Inside(platforms=(config.platform,) if config.platform else (), key=config.key, build_tag=config.build_tag)


class _Image:
    def __init__(self, client: "ECRClient", host: EcrHost, reference: Reference, seconds: float) -> None:
        self._client = client
        self._host = host
        self._reference = reference
        self._deadline = time.monotonic() + seconds
        self._resource = f"repository/{reference.repository.path} of account {host.registry_id}"

    def manifests(self, digests: list[str]) -> dict[str, "Manifest"]:
        """By digest; those that ECR does not have are left out."""
        # Here and not above: these bring an HTTP library, which an answer from memory does not need.
        from boatyard_registry.media import INDEX_TYPES, MANIFEST_TYPES, Manifest

        with self._call("ecr:BatchGetImage"):
            answer = self._client.batch_get_image(
                registryId=self._host.registry_id,
                repositoryName=self._reference.repository.path,
                imageIds=[{"imageDigest": digest} for digest in digests],
                acceptedMediaTypes=[*INDEX_TYPES, *MANIFEST_TYPES],
            )
        try:
            return {
                each["imageId"]["imageDigest"]: decode_json(each["imageManifest"], Manifest)
                for each in answer["images"]
            }
        except Undecodable:
            raise self.unreadable("manifest") from None

    def config(self, manifest: "Manifest") -> "ImageConfig":
        from boatyard_registry.media import ImageConfig, sha256_of

        if manifest.config is None:
            raise self.unreadable("manifest")
        with self._call("ecr:GetDownloadUrlForLayer"):
            url = self._client.get_download_url_for_layer(
                registryId=self._host.registry_id,
                repositoryName=self._reference.repository.path,
                layerDigest=manifest.config.digest,
            )["downloadUrl"]
            body = _get(url, self._deadline - time.monotonic())
        if body is None or sha256_of(body) != manifest.config.digest:
            raise self.unreadable("configuration")
        try:
            return decode_json(body, ImageConfig)
        except Undecodable:
            return ImageConfig()  # an artifact of another kind, such as a chart or a cache

    def _call(self, action: str) -> AwsCall:
        return AwsCall(action, self._resource, REGISTRY)

    def unreadable(self, what: str) -> BoatyardError:
        return BoatyardError(Code.REGISTRY_UNAVAILABLE, f"ECR has {self._reference}, but gives no readable {what}")


def _get(url: str, seconds: float) -> bytes | None:
    """A presigned S3 URL, by botocore's own HTTP session: its proxies and its CA bundle. It follows no redirects."""
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
