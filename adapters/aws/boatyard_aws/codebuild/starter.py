"""Starting, stopping and asking after builds in CodeBuild.

https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html: equal idempotency tokens
within five minutes are one build.
"""

import math
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from boatyard.errors import BoatyardError
from boatyard_aws.clients import Clients
from boatyard_aws.codebuild.record import Record
from boatyard_aws.faults import code_of, explained

if TYPE_CHECKING:
    from mypy_boto3_codebuild.type_defs import BuildTypeDef

BUILDSPEC: Final = """\
version: 0.2
phases:
  build:
    commands:
      - python3 -m boatyard_aws.codebuild
"""
"""Fetches the job and runs `python -m boatyard_buildkit` with it (`boatyard_aws.codebuild.inside`)."""

_WAITING: Final = frozenset({"SUBMITTED", "QUEUED", "PROVISIONING"})
_SPARE_MINUTES: Final = 5
"""The job has its own deadline and tells of it; CodeBuild's comes after that."""
_LEAST_MINUTES: Final = 5
_MOST_MINUTES: Final = 2160
_RETRY_AFTER_SECONDS: Final = 30


class Project(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    log_group: str = ""
    secret_prefix: str = "boatyard"  # noqa: S105 - a prefix of names

    @property
    def logs(self) -> str:
        return self.log_group or f"/aws/codebuild/{self.name}"


class Standing(msgspec.Struct, frozen=True):
    state: Literal["waiting", "running", "ended"]
    status: str
    """CodeBuild's own: SUCCEEDED, FAILED, FAULT, TIMED_OUT, IN_PROGRESS or STOPPED."""
    reason: str
    """What CodeBuild says of the phase that failed."""


class Starter:
    """Raises DATAPLANE_UNAVAILABLE, DATAPLANE_DENIED or TOO_MANY_BUILDS."""

    def __init__(self, clients: Clients, project: Project, bucket: str) -> None:
        self._clients = clients
        self._project = project
        self._bucket = bucket

    def start(self, record: Record) -> str:
        """CodeBuild's id. Equal for equal records, within five minutes."""
        minutes = math.ceil(record.job.timeout_seconds / 60) + _SPARE_MINUTES
        with self._explained("codebuild:StartBuild"), _Limits():
            answer = self._clients.codebuild().start_build(
                projectName=self._project.name,
                idempotencyToken=record.build.id,
                buildspecOverride=BUILDSPEC,
                timeoutInMinutesOverride=min(max(minutes, _LEAST_MINUTES), _MOST_MINUTES),
                environmentVariablesOverride=[
                    {"name": "BOATYARD_BUILD_ID", "value": record.build.id},
                    {"name": "BOATYARD_BUCKET", "value": self._bucket},
                    {"name": "BOATYARD_SECRET_PREFIX", "value": self._project.secret_prefix},
                ],
            )
        return str(answer["build"]["id"])

    def standing(self, codebuild_id: str) -> Standing | None:
        """None if CodeBuild does not know it: it keeps builds for a year."""
        with self._explained("codebuild:BatchGetBuilds"):
            builds = self._clients.codebuild().batch_get_builds(ids=[codebuild_id])["builds"]
        if not builds:
            return None
        build = builds[0]
        status = build.get("buildStatus", "IN_PROGRESS")
        if status != "IN_PROGRESS":
            return Standing("ended", status, _reason(build))
        waiting = build.get("currentPhase", "QUEUED") in _WAITING
        return Standing("waiting" if waiting else "running", status, "")

    def stop(self, codebuild_id: str) -> None:
        with self._explained("codebuild:StopBuild"):
            self._clients.codebuild().stop_build(id=codebuild_id)

    def _explained(self, action: str) -> AbstractContextManager[None]:
        resource = f"project/{self._project.name}"
        return explained(action, resource, unavailable="DATAPLANE_UNAVAILABLE", denied="DATAPLANE_DENIED")


def _reason(build: "BuildTypeDef") -> str:
    for phase in build.get("phases", ()):
        for context in phase.get("contexts", ()):
            if phase.get("phaseStatus") not in ("SUCCEEDED", None) and (message := context.get("message", "")):
                return f"{phase.get('phaseType', '')}: {message}"
    return ""


class _Limits:
    """CodeBuild's own queue is full: https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html"""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and code_of(error) == "AccountLimitExceededException":
            raise BoatyardError(
                "TOO_MANY_BUILDS",
                "the account's limit of concurrent CodeBuild builds is reached",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            ) from None
