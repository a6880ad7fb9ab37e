"""Runs builds in CodeBuild, for deployments without a cluster.

https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html: calls with equal idempotency tokens
within five minutes start one build.
"""

import math
from typing import TYPE_CHECKING, Final

import msgspec

from boatyard.errors import BoatyardError, Code
from boatyard_aws.build_log import CloudWatchLog
from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall, refusal_of
from boatyard_serverless.faults import Fault
from boatyard_serverless.ports import Execution, RawLog, Unsure

if TYPE_CHECKING:
    from mypy_boto3_codebuild.type_defs import BuildTypeDef

BUILDSPEC: Final = """\
version: 0.2
phases:
  build:
    commands:
      - python3 -m boatyard_aws.build_step
"""
"""Fetches the job and runs `python -m boatyard_buildkit` with it (`boatyard_serverless.builds.job`)."""

_WAITING: Final = frozenset({"SUBMITTED", "QUEUED", "PROVISIONING"})
_SPARE_MINUTES: Final = 5
"""The job has its own deadline and reports it; CodeBuild's timeout comes later. It is at least five minutes."""
_MOST_MINUTES: Final = 2160
_RETRY_AFTER_SECONDS: Final = 30


class CodeBuildProject(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    log_group: str = ""
    secret_prefix: str = "boatyard"  # noqa: S105 - a prefix of names

    @property
    def logs(self) -> str:
        return self.log_group or f"/aws/codebuild/{self.name}"


class CodeBuild:
    """Implements `boatyard_serverless.ports.BuildService`. An execution is `<project>:<uuid>`."""

    def __init__(self, clients: Clients, project: CodeBuildProject, bucket: str) -> None:
        self._clients = clients
        self._project = project
        self._bucket = bucket
        self._log = CloudWatchLog(clients, project.logs)

    def start(self, build_id: str, *, timeout_seconds: int) -> str:
        """Equal builds within five minutes return the same execution."""
        minutes = math.ceil(timeout_seconds / 60) + _SPARE_MINUTES
        try:
            with self._call("codebuild:StartBuild"):
                answer = self._clients.codebuild().start_build(
                    projectName=self._project.name,
                    idempotencyToken=build_id,
                    buildspecOverride=BUILDSPEC,
                    timeoutInMinutesOverride=min(minutes, _MOST_MINUTES),
                    environmentVariablesOverride=[
                        {"name": "BOATYARD_BUILD_ID", "value": build_id},
                        {"name": "BOATYARD_BUCKET", "value": self._bucket},
                        {"name": "BOATYARD_SECRET_PREFIX", "value": self._project.secret_prefix},
                    ],
                )
        except BoatyardError as error:
            raise _of_start(error) from error.__cause__
        return str(answer["build"]["id"])

    def look(self, execution: str) -> Execution | None:
        """CodeBuild keeps builds for a year."""
        with self._call("codebuild:BatchGetBuilds"):
            builds = self._clients.codebuild().batch_get_builds(ids=[execution])["builds"]
        if not builds:
            return None
        build = builds[0]
        match build.get("buildStatus", "IN_PROGRESS"):
            case "IN_PROGRESS":
                return Execution("waiting" if build.get("currentPhase", "QUEUED") in _WAITING else "running")
            case "STOPPED" | "TIMED_OUT" as status:
                return Execution("stopped" if status == "STOPPED" else "timed_out")
            case status:
                return Execution("ended", _reason(build) or f"CodeBuild says {status} and nothing else")

    def stop(self, execution: str) -> None:
        with self._call("codebuild:StopBuild"):
            self._clients.codebuild().stop_build(id=execution)

    def log(self, execution: str, cursor: str) -> RawLog | None:
        return self._log.page(execution, cursor)

    def _call(self, action: str) -> AwsCall:
        return AwsCall(action, f"project/{self._project.name}")


def _of_start(error: BoatyardError) -> Exception:
    refusal = refusal_of(error.__cause__)
    if refusal and refusal.fault is Fault.UNREACHABLE:
        return Unsure()  # after a broken connection, it is unknown whether CodeBuild accepted the build
    # https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
    if refusal and refusal.word == "AccountLimitExceededException":
        return BoatyardError(
            Code.TOO_MANY_BUILDS,
            "the account's limit of concurrent CodeBuild builds is reached",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )
    return error


def _reason(build: "BuildTypeDef") -> str:
    for phase in build.get("phases", ()):
        for context in phase.get("contexts", ()):
            if phase.get("phaseStatus") not in ("SUCCEEDED", None) and (message := context.get("message", "")):
                return f"{phase.get('phaseType', '')}: {message}"
    return ""
