"""The function's configuration: the variables of `boatyard_serverless.configuration`, and AWS's own.

    BOATYARD_SETTINGS            may be s3://bucket/key
    BOATYARD_DEPLOYMENT_KEY      may be the secret's ARN
    BOATYARD_RUNNER              kubernetes | codebuild | inline
    BOATYARD_INLINE_OTHER        codebuild                                  (runner inline)
    BOATYARD_CLUSTER_REGION      region of the EKS cluster, if it is not the function's
    BOATYARD_CODEBUILD_PROJECT   name of the CodeBuild project              (runner codebuild)
    BOATYARD_CODEBUILD_LOG_GROUP its log group; /aws/codebuild/<project> by default
    BOATYARD_CREATE_REPOSITORIES true: creates missing ECR repositories     (needs ecr:CreateRepository)
    BOATYARD_REPOSITORY_TAGS     IMMUTABLE (default) | MUTABLE, for created repositories
    BOATYARD_QUEUE, BOATYARD_DEAD_LETTERS   URLs
    BOATYARD_ANONYMOUS           true: accepts requests without an IAM caller
    BOATYARD_TRACING             true: X-Ray segments (the function needs tracing_config Active)

aws-lambda-powertools itself reads POWERTOOLS_SERVICE_NAME, POWERTOOLS_METRICS_NAMESPACE and POWERTOOLS_LOG_LEVEL; the
default service is "boatyard", the default namespace "Boatyard".
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from boatyard.errors import invalid
from boatyard.settings import Settings
from boatyard_aws.registry.host import parse_host
from boatyard_serverless.configuration import BucketByName, FunctionConfiguration, read_configuration, read_settings
from boatyard_serverless.registries import TagMutability

_SCHEME: Final = "s3://"
_NEEDED: Final = {"kubernetes": "cluster", "codebuild": "codebuild_project"}


class Configuration(FunctionConfiguration, frozen=True, kw_only=True):
    runner: Literal["kubernetes", "codebuild", "inline"]
    inline_other: Literal["", "codebuild"] = ""
    cluster_region: str = ""
    codebuild_project: str = ""
    codebuild_log_group: str = ""
    create_repositories: bool = False
    repository_tags: TagMutability = "IMMUTABLE"


def configure(variables: Mapping[str, str], bucket: BucketByName) -> Configuration:
    """Raises INVALID_SPEC, which names the variable, or DATAPLANE_UNAVAILABLE if S3 does not return the settings."""
    settings = _with_layout(read_settings(variables, scheme=_SCHEME, bucket=bucket))
    made = read_configuration(variables, settings, Configuration, needed=_NEEDED)
    if made.queue.endswith(".fifo"):
        raise invalid("BOATYARD_QUEUE is a FIFO queue, which cannot hold a single message back; name a standard one")
    return made


def _with_layout(settings: Settings) -> Settings:
    """Puts all images into one repository unless the settings say otherwise: every ECR repository has to be created."""
    host = settings.default_repository.partition("/")[0]
    if settings.repository_layout is not None or parse_host(host) is None:
        return settings
    return msgspec.structs.replace(settings, repository_layout="one")
