"""ACR Tasks on loopback: runs of a stored task, whose requests are held against the models of Azure's own client.

A run stands where the test puts it; `steps` runs what the task's content says. Its log is a blob that only a signed URL
opens, as the real one is.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from azure.mgmt.containerregistrytasks import models

from tests.azure.resource_manager import REGISTRY, ResourceManager, known_fields, refusal
from tests.azure.tls import Asked, Given, TlsServer

TASK = f"{REGISTRY}/tasks/boatyard-build"
VERSION = "2025-03-01-preview"
HEAD = "2026/01/01 00:00:00 Launching container with name: build\nUnable to find image locally\n"
_ENDED = {"Succeeded", "Failed", "Canceled", "Error", "Timeout"}


@dataclass
class PlayedRun:
    id: str
    asked: dict[str, Any]
    status: str = "Queued"
    message: str = ""
    log: bytes = b""
    signature: int = 0
    """The number of the newest URL; older ones have ended if `only_newest`."""

    @property
    def values(self) -> dict[str, str]:
        given = self.asked["overrideTaskStepProperties"]["values"]
        assert not any(each.get("isSecret") for each in given)
        return {each["name"]: each["value"] for each in given}

    def shown(self) -> dict[str, Any]:
        properties = {"runId": self.id, "status": self.status, "runType": "QuickRun", "task": "boatyard-build"}
        properties |= {"provisioningState": "Succeeded", "createTime": "2026-01-01T00:00:00Z"}
        if self.message:
            properties["runErrorMessage"] = self.message
        if self.status in _ENDED:
            properties["finishTime"] = "2026-01-01T00:10:00Z"
        assert set(properties) <= known_fields(models.RunProperties)
        return {"id": f"{REGISTRY}/runs/{self.id}", "name": self.id, "type": "x/runs", "properties": properties}


@dataclass
class AcrTasksServer:
    arm: ResourceManager
    runs: dict[str, PlayedRun] = field(default_factory=dict)
    accepted: int = 200
    """The status of an accepted start or cancel: both 200 and 202 are published."""
    refuses_cancels: bool = False
    looked: Callable[["PlayedRun"], object] = lambda run: None
    """Called before a run is shown."""
    only_newest: bool = False
    urls: list[str] = field(default_factory=list)
    reads: int = 0

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self.blobs = TlsServer(self._blob)
        run = REGISTRY + r"/runs/(?P<run>\w+)"
        self.arm.on("POST", REGISTRY + "/scheduleRun", VERSION, lambda asked, _: self._schedule(asked))
        self.arm.on("GET", run, VERSION, lambda asked, found: self._of(found["run"], self._show))
        self.arm.on("POST", run + "/cancel", VERSION, lambda asked, found: self._of(found["run"], self._cancel))
        self.arm.on("POST", run + "/listLogSasUrl", VERSION, lambda asked, found: self._of(found["run"], self._sign))

    def of(self, build_id: str) -> PlayedRun:
        """The one that was started for one of our builds; fails if there are more."""
        (found,) = [each for each in self.runs.values() if each.values["build"] == build_id]
        return found

    def _schedule(self, asked: Asked) -> Given:
        body = asked.document
        step = body.get("overrideTaskStepProperties", {})
        unknown = set(body) - known_fields(models.TaskRunRequest)
        unknown |= set(step) - known_fields(models.OverrideTaskStepProperties)
        for value in step.get("values", ()):
            unknown |= set(value) - known_fields(models.SetValue)
        if unknown or body.get("type") != "TaskRunRequest":
            return refusal(400, "InvalidRequestContent", f"unknown: {unknown}")
        if body["taskId"] != TASK:
            return refusal(404, "TaskNotFound")
        made = PlayedRun(f"ca{next(self._numbers)}", body)
        self.runs[made.id] = made
        return Given(self.accepted, made.shown())

    def _of(self, name: str, answer: Any) -> Given:
        found = self.runs.get(name)
        given = answer(found) if found else refusal(404, "ResourceNotFound")
        assert isinstance(given, Given)
        return given

    def _show(self, run: PlayedRun) -> Given:
        self.looked(run)
        return Given(200, run.shown())

    def _cancel(self, run: PlayedRun) -> Given:
        if run.status in _ENDED or self.refuses_cancels:
            return refusal(409, "RunCannotBeCanceled")
        run.status = "Canceled"
        return Given(self.accepted)

    def _sign(self, run: PlayedRun) -> Given:
        run.signature += 1
        url = f"{self.blobs.url}/logs/{run.id}/rawtext.log?sv=2020-08-04&sig=SIGNATURE{run.signature}"
        self.urls.append(url)
        return Given(200, {"logLink": url})

    def _blob(self, asked: Asked) -> Given:
        self.reads += 1
        run = self.runs.get(asked.path.split("/")[2])
        given = asked.query.get("sig", "")
        assert "authorization" not in asked.headers
        oldest = run.signature if run and self.only_newest else 1
        if not run or given not in {f"SIGNATURE{number}" for number in range(oldest, run.signature + 1)}:
            return Given(403, b"<Error><Code>AuthenticationFailed</Code></Error>")
        if not run.log:
            return Given(404, b"<Error><Code>BlobNotFound</Code></Error>")
        first, _, last = asked.headers["range"].removeprefix("bytes=").partition("-")
        if int(first) >= len(run.log):
            return Given(416, b"<Error><Code>InvalidRange</Code></Error>")
        return Given(206, run.log[int(first) : int(last) + 1], {"content-type": "text/plain"})
