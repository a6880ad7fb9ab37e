"""What is inside an image: the platforms of an index, the platform and key of a single image."""

import math
import threading
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_aws.ecr.host import EcrHost
from boatyard_aws.faults import explained

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from boatyard_registry.media import ImageConfig, Manifest

_MOST: Final = 10_000
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

    def look(self, client: "ECRClient", host: EcrHost, reference: Reference, digest: str, *, seconds: float) -> Inside:
        """Raises REGISTRY_DENIED without ecr:BatchGetImage, or ecr:GetDownloadUrlForLayer for a single image."""
        with self._lock:
            if found := self._seen.get(digest):
                return found
        image = _Image(client, host, reference, seconds)
        manifest = image.manifest(digest)
        inside = _of_index(image, manifest) if manifest.manifests is not None else _of_config(image.config(manifest))
        with self._lock:
            if len(self._seen) >= _MOST:
                self._seen.clear()
            self._seen[digest] = inside
        return inside


def _of_index(image: "_Image", manifest: "Manifest") -> Inside:
    entries = manifest.manifests or ()
    images = [entry for entry in entries if not entry.is_attestation]
    return Inside(
        platforms=tuple(dict.fromkeys(str(entry.platform) for entry in images if entry.platform)),
        attestations=tuple(entry.digest for entry in entries if entry.is_attestation),
    )


def _of_config(config: "ImageConfig") -> Inside:
    return Inside(platforms=(config.platform,) if config.platform else (), key=config.key, build_tag=config.build_tag)


class _Image:
    def __init__(self, client: "ECRClient", host: EcrHost, reference: Reference, seconds: float) -> None:
        self._client = client
        self._host = host
        self._reference = reference
        self._seconds = seconds
        self._resource = f"repository/{reference.repository.path} of account {host.registry_id}"

    def manifest(self, digest: str) -> "Manifest":
        # Here and not above: these bring an HTTP library, which an image that need not be opened does not need.
        from boatyard_registry.media import INDEX_TYPES, MANIFEST_TYPES, Manifest

        with self._explained("ecr:BatchGetImage"):
            answer = self._client.batch_get_image(
                registryId=self._host.registry_id,
                repositoryName=self._reference.repository.path,
                imageIds=[{"imageDigest": digest}],
                acceptedMediaTypes=[*INDEX_TYPES, *MANIFEST_TYPES],
            )
        for found in answer["images"]:
            try:
                return decode_json(found["imageManifest"], Manifest)
            except Undecodable:
                break
        raise self._unreadable("a manifest")

    def config(self, manifest: "Manifest") -> "ImageConfig":
        from boatyard_registry.media import ImageConfig

        if manifest.config is None:
            raise self._unreadable("a manifest")
        with self._explained("ecr:GetDownloadUrlForLayer"):
            url = self._client.get_download_url_for_layer(
                registryId=self._host.registry_id,
                repositoryName=self._reference.repository.path,
                layerDigest=manifest.config.digest,
            )["downloadUrl"]
            body = _get(url, self._seconds)
        if body is None:
            raise self._unreadable("its configuration")
        try:
            return decode_json(body, ImageConfig)
        except Undecodable:
            return ImageConfig()  # an artifact of another kind, such as a chart or a cache

    def _explained(self, action: str) -> AbstractContextManager[None]:
        return explained(action, self._resource, unavailable="REGISTRY_UNAVAILABLE", denied="REGISTRY_DENIED")

    def _unreadable(self, what: str) -> BoatyardError:
        return BoatyardError("REGISTRY_UNAVAILABLE", f"ECR has {self._reference}, but gives no readable {what}")


def _get(url: str, seconds: float) -> bytes | None:
    """A presigned S3 URL, by botocore's own HTTP session: its proxies and its CA bundle. It follows no redirects."""
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    request = AWSRequest(method="GET", url=url, stream_output=True).prepare()
    answer = URLLib3Session(timeout=math.ceil(max(seconds, 1))).send(request)
    try:
        body = answer.raw.read(_LARGEST_CONFIG + 1) if answer.status_code == _HTTP_OK else b""
    finally:
        answer.raw.close()
    return bytes(body) if 0 < len(body) <= _LARGEST_CONFIG else None
