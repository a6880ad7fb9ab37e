"""A build in BuildKit's terms, which a driver turns into a command line."""

import csv
import hashlib
import io
from pathlib import Path
from typing import Final

import msgspec

from boatyard.job import BuildJob
from boatyard.reference import Reference

_LONGEST_TAG: Final = 128
_NOWHERE: Final = "boatyard.invalid"
"""A top-level domain that never exists (RFC 2606)."""


class Solve(msgspec.Struct, frozen=True, kw_only=True):
    dockerfile_folder: Path
    """Holds `Dockerfile`, and `Dockerfile.dockerignore` so that none of the context's own is applied."""
    context: Path
    contexts: dict[str, str]
    """Named contexts: a folder, or `docker-image://…`."""
    scope: str
    """Identifies the project: a buildkitd never uses one project's files for another."""
    hosts: dict[str, str]
    """Additional host names of RUN steps -> address."""
    platforms: tuple[str, ...]
    build_args: dict[str, str]
    target_stage: str = ""
    """Empty: the last."""
    labels: dict[str, str]
    network: str
    secrets: dict[str, Path]
    no_cache: bool
    """Whether steps ignore the cache; cache mounts keep their contents."""
    cache_from: dict[str, str] | None
    """Attributes of the cache import; None for none."""
    cache_to: dict[str, str] | None
    provenance: str
    sbom: bool
    output: dict[str, str]
    """Attributes of the one exporter, `type` included."""
    metadata: Path


def attributes(values: dict[str, str]) -> str:
    """`a=b,c=d`, in the CSV that buildx and buildctl parse: a comma in a value stays in it."""
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow(f"{name}={value}" for name, value in values.items())
    return row.getvalue()


def compression(job: BuildJob) -> dict[str, str]:
    made = {"compression": job.output.compression, "oci-mediatypes": "true"}
    if job.output.compression != "uncompressed":
        made["compression-level"] = str(job.output.compression_level)
    return made


def registry_output(job: BuildJob) -> dict[str, str]:
    """The exporter that pushes. Times are clamped to SOURCE_DATE_EPOCH for a reproducible image."""
    output = {"type": "image", "name": job.target, "push": "true", **compression(job)}
    if job.output.reproducible:
        output["rewrite-timestamp"] = "true"
    return output | _insecure(job, job.target)


def cache(job: BuildJob) -> tuple[dict[str, str] | None, dict[str, str] | None]:
    """Import and export of the registry cache: one entry for each image name of a project and domain."""
    if not job.cache_repository:
        return None, None
    reference = f"{job.cache_repository}:{_cache_tag(job)}"
    source = {"type": "registry", "ref": reference} | _insecure(job, reference)
    target = source | {"mode": job.cache_mode, "image-manifest": "true", **compression(job)}
    # A cache that cannot be written must not fail a build whose image exists.
    return source, target | {"ignore-error": "true"}


def scope(job: BuildJob) -> str:
    return job.realm.files or hashlib.sha256(f"{job.project}.{job.domain}".encode()).hexdigest()[:16]


def hosts(job: BuildJob) -> dict[str, str]:
    """Extra hosts that separate the RUN steps of each realm in BuildKit's cache.

    BuildKit's cache key of a step has the names of extra hosts (solver/llbsolver/ops/exec.go), but neither the id of a
    cache mount, which may influence the step's result, nor the project. /etc/hosts is mounted, so it is in no
    layer. This applies to all steps: a user's own, and those of a base image's ONBUILD.
    """
    return {f"{job.realm.steps}.{_NOWHERE}": "127.0.0.1"} if job.realm.steps else {}


def _cache_tag(job: BuildJob) -> str:
    # Projects and domains are DNS labels: a dot ends them, so no two scopes share a tag.
    name = Reference.parse(job.target).repository.path.rpartition("/")[2]
    tag = f"{job.project}.{job.domain}.{name}"
    return tag if len(tag) <= _LONGEST_TAG else hashlib.sha256(tag.encode()).hexdigest()


def _insecure(job: BuildJob, reference: str) -> dict[str, str]:
    host = Reference.parse(reference).repository.host
    return {"registry.insecure": "true"} if host in job.insecure_registries else {}
