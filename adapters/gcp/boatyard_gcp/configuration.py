"""The function's configuration: the variables of `boatyard_serverless.configuration`, and these for Google Cloud.

BOATYARD_PROJECT             id of the project that holds secrets and topics; required
BOATYARD_SETTINGS            may be gs://bucket/object
BOATYARD_DEPLOYMENT_KEY      id of the secret, or projects/<project>/secrets/<id>
BOATYARD_RUNNER              kubernetes | cloudbuild | inline
BOATYARD_INLINE_OTHER        cloudbuild                                 (runner inline)
BOATYARD_CLUSTER             projects/<project>/locations/<location>/clusters/<name>, or <location>/<name>
BOATYARD_CLOUDBUILD_IMAGE    the builder image with an engine           (runner cloudbuild, as the next ones)
BOATYARD_CLOUDBUILD_ACCOUNT  e-mail of the service account that builds run as
BOATYARD_CLOUDBUILD_LOCATION a region, or global
BOATYARD_CLOUDBUILD_LOGS     gs://bucket/folder for the builds' logs; logs/ in BOATYARD_BUCKET without one
BOATYARD_CLOUDBUILD_POOL     projects/<project>/locations/<location>/workerPools/<name>, a private pool
BOATYARD_CLOUDBUILD_MACHINE  machine type, such as E2_HIGHCPU_8; a pool has its own
BOATYARD_CLOUDBUILD_DISK_GB  size of the machine's disk
BOATYARD_CLOUDBUILD_QUEUE_SECONDS   how long a build may wait for a machine; an hour without it
BOATYARD_SIGNING_ACCOUNT     e-mail of the service account that signs upload URLs; the function's own without it
BOATYARD_KMS_KEY             the key of Cloud KMS that encrypts projects' secrets; Google's own without it
BOATYARD_CREATE_REPOSITORIES true: a missing repository is made         (needs artifactregistry.repositories.create)
BOATYARD_REPOSITORY_TAGS     IMMUTABLE (default) | MUTABLE, for repositories that are made
BOATYARD_QUEUE, BOATYARD_DEAD_LETTERS   ids of topics, or projects/<project>/topics/<id>
BOATYARD_INVOKERS_CHECKED    true: Cloud Run's IAM lets nobody in whom it has not checked, so the function believes
                             what it says of a caller (`boatyard_gcp.caller`). Terraform sets it
BOATYARD_ANONYMOUS           true: requests without a checked caller are taken. Excludes BOATYARD_INVOKERS_CHECKED
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from boatyard.errors import invalid
from boatyard.reference import Reference
from boatyard.settings import Settings
from boatyard_gcp.registry.host import repository_of
from boatyard_serverless.configuration import (
    BucketByName,
    FunctionConfiguration,
    read_configuration,
    read_settings,
    require,
)
from boatyard_serverless.registries import TagMutability

_SCHEME: Final = "gs://"
_NEEDED: Final = {"kubernetes": "cluster", "cloudbuild": "cloudbuild_image"}
_ALSO_NEEDED: Final = ("cloudbuild_account", "cloudbuild_location")
_PART: Final = r"[A-Za-z0-9][A-Za-z0-9._:~%+-]*"
_CLUSTER: Final = re.compile(rf"projects/{_PART}/locations/{_PART}/clusters/{_PART}\Z")

_KEY: Final = re.compile(rf"projects/{_PART}/locations/{_PART}/keyRings/{_PART}/cryptoKeys/{_PART}\Z")


class Configuration(FunctionConfiguration, frozen=True, kw_only=True):
    project: str
    runner: Literal["kubernetes", "cloudbuild", "inline"]
    inline_other: Literal["", "cloudbuild"] = ""
    cloudbuild_image: str = ""
    cloudbuild_account: str = ""
    cloudbuild_location: str = ""
    cloudbuild_logs: str = ""
    cloudbuild_pool: str = ""
    cloudbuild_machine: str = ""
    cloudbuild_disk_gb: int = 0
    cloudbuild_queue_seconds: int = 3600
    signing_account: str = ""
    kms_key: str = ""
    create_repositories: bool = False
    repository_tags: TagMutability = "IMMUTABLE"
    invokers_checked: bool = False


def configure(variables: Mapping[str, str], bucket: BucketByName) -> Configuration:
    """Raises INVALID_SPEC, which names the variable, or DATAPLANE_UNAVAILABLE if the settings cannot be read from Cloud
    Storage."""
    settings = read_settings(variables, scheme=_SCHEME, bucket=bucket)
    made = read_configuration(variables, settings, Configuration, needed=_NEEDED)
    if made.build_service == "cloudbuild":
        require(made, "cloudbuild", *_ALSO_NEEDED)
    if made.invokers_checked and made.anonymous:
        raise invalid("BOATYARD_INVOKERS_CHECKED and BOATYARD_ANONYMOUS exclude each other: set one of them")
    if made.kms_key and not _KEY.match(made.kms_key):
        raise invalid("BOATYARD_KMS_KEY is not projects/<project>/locations/<region>/keyRings/<ring>/cryptoKeys/<key>")
    _check_repository(settings)
    return msgspec.structs.replace(
        made,
        deployment_key=_full(made.project, "secrets", made.deployment_key, "BOATYARD_DEPLOYMENT_KEY"),
        queue=_full(made.project, "topics", made.queue, "BOATYARD_QUEUE"),
        dead_letters=_full(made.project, "topics", made.dead_letters, "BOATYARD_DEAD_LETTERS"),
        cluster=_cluster(made.project, made.cluster),
        cloudbuild_logs=made.cloudbuild_logs or f"{_SCHEME}{made.bucket}/logs",
    )


def _check_repository(settings: Settings) -> None:
    """Checks that `defaultRepository` has an image name below Artifact Registry's repository."""
    base = settings.default_repository
    if not base.partition("/")[0].endswith("-docker.pkg.dev"):
        return
    example = f"{base}:tag" if settings.repository_layout == "one" else f"{base}/name:tag"
    if repository_of(Reference.parse(example)) is None:
        wanted = "<location>-docker.pkg.dev/<project>/<repository>"
        below = "/<name>" if settings.repository_layout == "one" else ""
        raise invalid(f"defaultRepository is {base}, which cannot hold images: it must begin {wanted}{below}")


def _full(project: str, kind: str, name: str, variable: str) -> str:
    """A resource's full name; empty for an empty `name`."""
    full = name if not name or "/" in name else f"projects/{project}/{kind}/{name}"
    if full and not re.match(rf"projects/{_PART}/{kind}/{_PART}\Z", full):
        raise invalid(f"{variable} is neither an id nor projects/<project>/{kind}/<id>")
    return full


def _cluster(project: str, name: str) -> str:
    full = name if not name or name.startswith("projects/") else _of_location(project, name)
    if full and not _CLUSTER.match(full):
        raise invalid(
            "BOATYARD_CLUSTER is neither projects/<project>/locations/<location>/clusters/<name> nor <location>/<name>"
        )
    return full


def _of_location(project: str, name: str) -> str:
    location, _, cluster = name.partition("/")
    return f"projects/{project}/locations/{location}/clusters/{cluster}"
