"""A stand-in for CodeBuild according to its API reference, whose builds the test itself plays.

moto ends every build at the first look. Here the test decides a build's state.
https://docs.aws.amazon.com/codebuild/latest/APIReference/
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from boatyard_aws.clients import Clients
from tests.aws.cloud import Cloud

PROJECT = "boatyard"
LOG_GROUP = f"/aws/codebuild/{PROJECT}"


@dataclass
class Played:
    id: str
    environment: dict[str, str]
    parameters: dict[str, Any]
    status: str = "IN_PROGRESS"
    phase: str = "QUEUED"
    reason: str = ""


@dataclass
class CodeBuild:
    cloud: Cloud
    builds: dict[str, Played] = field(default_factory=dict)
    limit: int = 10**6
    _tokens: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.cloud.actions |= {
            "StartBuild": self._start,
            "BatchGetBuilds": self._get,
            "StopBuild": self._stop,
        }

    def of(self, build_id: str) -> Played:
        """The execution that was started for a build of Boatyard. Fails if there are several."""
        (found,) = [each for each in self.builds.values() if each.environment["BOATYARD_BUILD_ID"] == build_id]
        return found

    def _start(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if asked["projectName"] != PROJECT:
            return 400, {"__type": "ResourceNotFoundException", "message": "no such project"}
        with self._lock:
            known = self._tokens.get(asked["idempotencyToken"])
            if known is None:
                if sum(each.status == "IN_PROGRESS" for each in self.builds.values()) >= self.limit:
                    return 400, {"__type": "AccountLimitExceededException", "message": "too many builds"}
                environment = {each["name"]: each["value"] for each in asked["environmentVariablesOverride"]}
                made = Played(f"{PROJECT}:{uuid.uuid4()}", environment, asked)
                self.builds[made.id] = made
                known = self._tokens[asked["idempotencyToken"]] = made.id
        return 200, {"build": self._told(self.builds[known])}

    def _get(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = [self._told(self.builds[name]) for name in asked["ids"] if name in self.builds]
        return 200, {"builds": found, "buildsNotFound": [name for name in asked["ids"] if name not in self.builds]}

    def _stop(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        build = self.builds[asked["id"]]
        if build.status == "IN_PROGRESS":
            build.status = "STOPPED"
        return 200, {"build": self._told(build)}

    @staticmethod
    def _told(build: Played) -> dict[str, Any]:
        failed = [{"phaseType": build.phase, "phaseStatus": "FAILED", "contexts": [{"message": build.reason}]}]
        return {
            "id": build.id,
            "projectName": PROJECT,
            "buildStatus": build.status,
            "currentPhase": build.phase if build.status == "IN_PROGRESS" else "COMPLETED",
            "phases": failed if build.reason else [],
        }


def write_log(clients: Clients, build: Played, lines: Iterable[str]) -> None:
    """Sends lines to the build's stream in CloudWatch Logs, as CodeBuild does with a container's output."""
    logs, stream = clients.logs(), build.id.partition(":")[2]
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=LOG_GROUP)
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=stream)
    now = int(time.time() * 1000)
    events: Any = [{"timestamp": now, "message": f"{line}\n"} for line in lines]
    logs.put_log_events(logGroupName=LOG_GROUP, logStreamName=stream, logEvents=events)
