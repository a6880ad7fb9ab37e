"""The function's configuration. Terraform sets these variables; a container may mount them.

    BOATYARD_SETTINGS            boatyard.settings: the JSON itself, a path (a mounted ConfigMap), or s3://bucket/key
    BOATYARD_<SETTING>           one value of it (boatyard.settings_variables), on top
    BOATYARD_BUCKET              the bucket of boatyard_serverless.keys; required
    BOATYARD_DEPLOYMENT_KEY      name or ARN of the secret with the deployment's key; required
    BOATYARD_RUNNER              kubernetes | codebuild
    BOATYARD_CLUSTER             name of the EKS cluster                    (runner kubernetes)
    BOATYARD_CLUSTER_REGION      its region, if it is not the function's
    BOATYARD_CODEBUILD_PROJECT   name of the CodeBuild project              (runner codebuild)
    BOATYARD_CODEBUILD_LOG_GROUP its log group; /aws/codebuild/<project> without one
    BOATYARD_SECRET_PREFIX       Secrets Manager names start with it; "boatyard" without one
    BOATYARD_CREATE_REPOSITORIES true: a missing ECR repository is made     (needs ecr:CreateRepository)
    BOATYARD_REPOSITORY_TAGS     IMMUTABLE (default) | MUTABLE, for repositories that are made
    BOATYARD_QUEUE               URL of the queue that the function for events reads: what a pushed base rebuilds is put
                                 there, a message each. Without one all is rebuilt by the push's own invocation
    BOATYARD_DEAD_LETTERS        URL of the queue for messages that no repeat can help
    BOATYARD_PIN_BASES           true: orders are remembered by their base; a base's push rebuilds them on its new
                                 digest, which later builds use too
    BOATYARD_ANONYMOUS           true: requests without an IAM caller are taken (a URL behind another gateway)
    BOATYARD_TRACING             true: X-Ray segments (the function needs tracing_config Active)

POWERTOOLS_SERVICE_NAME, POWERTOOLS_METRICS_NAMESPACE and POWERTOOLS_LOG_LEVEL are read by aws-lambda-powertools
itself; service and namespace are "boatyard" and "Boatyard" without them.
"""

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from boatyard.errors import invalid
from boatyard.settings import Settings
from boatyard_aws.clients import Clients
from boatyard_aws.registry.host import parse_host
from boatyard_serverless.variables import convert_variables, settings_of

_SCHEME: Final = "s3://"

_VARIABLES: Final = {
    "BOATYARD_BUCKET": "bucket",
    "BOATYARD_DEPLOYMENT_KEY": "deployment_key",
    "BOATYARD_RUNNER": "runner",
    "BOATYARD_CLUSTER": "cluster",
    "BOATYARD_CLUSTER_REGION": "cluster_region",
    "BOATYARD_CODEBUILD_PROJECT": "codebuild_project",
    "BOATYARD_CODEBUILD_LOG_GROUP": "codebuild_log_group",
    "BOATYARD_SECRET_PREFIX": "secret_prefix",
    "BOATYARD_CREATE_REPOSITORIES": "create_repositories",
    "BOATYARD_REPOSITORY_TAGS": "repository_tags",
    "BOATYARD_QUEUE": "queue",
    "BOATYARD_DEAD_LETTERS": "dead_letters",
    "BOATYARD_PIN_BASES": "pin_bases",
    "BOATYARD_ANONYMOUS": "anonymous",
    "BOATYARD_TRACING": "tracing",
}


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    settings: Settings
    bucket: str
    deployment_key: str
    runner: Literal["kubernetes", "codebuild"]
    cluster: str = ""
    cluster_region: str = ""
    codebuild_project: str = ""
    codebuild_log_group: str = ""
    secret_prefix: str = "boatyard"  # noqa: S105 - a prefix of names
    create_repositories: bool = False
    repository_tags: Literal["IMMUTABLE", "MUTABLE"] = "IMMUTABLE"
    queue: str = ""
    dead_letters: str = ""
    pin_bases: bool = False
    anonymous: bool = False
    tracing: bool = False


def configure(variables: Mapping[str, str], clients: Clients) -> Configuration:
    """Raises INVALID_SPEC that names the variable, or DATAPLANE_UNAVAILABLE if S3 does not give the settings."""
    settings = _with_layout(settings_of(variables, scheme=_SCHEME, fetch=lambda url: _fetch(url, clients)))
    made = convert_variables(variables, _VARIABLES, settings, Configuration)
    needed = {"kubernetes": "cluster", "codebuild": "codebuild_project"}[made.runner]
    if not getattr(made, needed):
        raise invalid(f"BOATYARD_RUNNER is {made.runner}, so BOATYARD_{needed.upper()} is needed")
    if made.queue.endswith(".fifo"):
        raise invalid("BOATYARD_QUEUE is a FIFO queue, which cannot hold a single message back; name a standard one")
    return made


def _with_layout(settings: Settings) -> Settings:
    """ECR's repositories are made one by one, so one holds all images unless the settings say otherwise."""
    host = settings.default_repository.partition("/")[0]
    if settings.repository_layout is not None or parse_host(host) is None:
        return settings
    return msgspec.structs.replace(settings, repository_layout="one")


def _fetch(url: str, clients: Clients) -> bytes | None:
    from boatyard_aws.bucket import S3Bucket

    parts = urlsplit(url)
    found = S3Bucket(clients, parts.netloc).get(parts.path.lstrip("/"))
    return found.body if found else None
