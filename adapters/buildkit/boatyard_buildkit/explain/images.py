"""Explains failed pulls and pushes, from the messages of containerd's resolver and of registries."""

import re
from typing import Final

import msgspec

from boatyard.errors import Code
from boatyard.job import BuildJob
from boatyard.reference import Reference
from boatyard_buildkit.explain.verdict import Verdict, sentence
from boatyard_buildkit.follow import Ended
from boatyard_buildkit.instructions import Instructions

_PULLED: Final = re.compile(
    r"^\[(?:[^\]]* )?internal\] load metadata for (?P<image>\S+)"
    r"|^\[context [^\]]+\] (?:load metadata for )?(?P<named>\S+)"
    r"|^resolve image config for (?:docker-image://)?(?P<frontend>\S+)"
)
_FROM: Final = re.compile(r"^\[[^\]]*\] FROM (?P<image>\S+)(?P<named>)(?P<frontend>)")
_FRONTEND: Final = (
    "Leave the syntax line out, or set buildkit.dockerfileFrontend to builtin, or give docker.io a mirror in "
    "registryMirrors."
)
_PUSHED: Final = re.compile(r"^(?:exporting to |pushing )")
_DENIED: Final = re.compile(
    r"\b40[13]\b|[Uu]nauthorized|[Ff]orbidden|denied|insufficient_scope|failed to authorize|authorization failed"
    r"|no basic auth credentials|failed to fetch (?:anonymous|oauth) token|authentication required"
)
_ABSENT: Final = re.compile(
    r"not found|manifest unknown|name unknown|does not exist|\b404\b|MANIFEST_UNKNOWN|NAME_UNKNOWN"
)
_PLATFORM: Final = re.compile(r"no match for platform|no matching manifest")
_PLAIN_HTTP: Final = re.compile(r"server gave HTTP response to HTTPS client|first record does not look like a TLS")
_RATE: Final = re.compile(r"\b429\b|toomanyrequests|rate limit", re.IGNORECASE)
_TAG_REFUSED: Final = re.compile(
    r"immutab|PUT request to \S+/manifests/(?!sha256:)\S+: (?:400|409|412)\b", re.IGNORECASE
)
"""ECR says "cannot be overwritten because the tag is immutable", Harbor "configured as immutable". Not every
BuildKit reports that message: some report only the status."""
_NO_REPOSITORY: Final = re.compile(r"name unknown|NAME_UNKNOWN|repository .*does not exist", re.IGNORECASE)


def read(ended: Ended, job: BuildJob, instructions: Instructions) -> Verdict | None:
    if _PUSHED.match(ended.vertex) or ended.error.startswith("failed to push"):
        return _push(ended.error, Reference.parse(job.target))
    found = _PULLED.match(ended.vertex) or _FROM.match(ended.vertex)
    if not found:
        return None
    image = found["image"] or found["named"] or found["frontend"]
    if image.partition("@")[0] in (job.uv.image, _full(job.uv.image)) and not job.uv.directory:
        return Verdict(
            Code.DATAPLANE_UNAVAILABLE,
            f"the uv image {image} cannot be pulled: {sentence(ended.error)}",
            "Set uv.image or uv.directory in the settings to a uv that builds can reach.",
        )
    where = instructions.place(ended.line)
    if found["frontend"]:
        verdict = _pull(ended.error, f"the Dockerfile frontend {image}")
        return msgspec.structs.replace(verdict, message=where + verdict.message, advice=_FRONTEND)
    verdict = _pull(ended.error, f"the base image {image}")
    return msgspec.structs.replace(verdict, message=where + verdict.message)


def _pull(error: str, what: str) -> Verdict:
    if _PLATFORM.search(error):
        return Verdict(
            Code.BASE_IMAGE_NOT_FOUND,
            f"{what} does not exist for this platform",
            "Choose a base image that has the platform, or another platform.",
        )
    if _RATE.search(error):
        return Verdict(
            Code.REGISTRY_UNAVAILABLE,
            f"the registry limits how often {what} can be pulled",
            "Wait, pull with a registry_secret, or set up a registry mirror.",
        )
    # Docker Hub reports both at once: "pull access denied, repository does not exist or may require authorization".
    if _DENIED.search(error):
        return Verdict(Code.BASE_IMAGE_DENIED, f"{what} does not exist, or cannot be pulled without login")
    if _ABSENT.search(error) and "no such host" not in error:
        return Verdict(Code.BASE_IMAGE_NOT_FOUND, f"{what} does not exist")
    return _unreachable(f"the registry of {what}", error)


def _push(error: str, target: Reference) -> Verdict:
    repository = target.repository
    if _TAG_REFUSED.search(error):
        return Verdict(Code.TAG_IMMUTABLE, f"the registry does not allow another image under the tag of {target}")
    if _RATE.search(error):
        return Verdict(Code.REGISTRY_UNAVAILABLE, f"the registry {repository.host} limits the rate of pushes")
    if _NO_REPOSITORY.search(error):
        return Verdict(
            Code.PUSH_DENIED,
            f"the registry has no repository {repository}, and does not create one on push",
            "Create the repository, then build again.",
        )
    if _DENIED.search(error):
        return Verdict(Code.PUSH_DENIED, f"the registry refuses the push to {repository}")
    return _unreachable(f"the registry {repository.host}", error)


def _unreachable(what: str, error: str) -> Verdict:
    if _PLAIN_HTTP.search(error):
        return Verdict(
            Code.REGISTRY_UNAVAILABLE,
            f"{what} speaks plain http",
            "Add it to insecureRegistries in the settings, and to BuildKit's or Docker's own list.",
        )
    return Verdict(Code.REGISTRY_UNAVAILABLE, f"{what} cannot be reached: {_reason(error)}")


def _reason(error: str) -> str:
    """The cause, which is at the end of a Go error, after URLs with digests."""
    for words in ("no such host", "connection refused", "i/o timeout", "certificate signed by unknown authority"):
        if words in error:
            return words
    return sentence(error)


def _full(image: str) -> str:
    return str(Reference.parse(image))
