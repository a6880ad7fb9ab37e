"""Measures the first answer of a function instance, compared with a minimal function that asks ECR.

Both start from nothing in Lambda's own runtime: the interpreter starts, the handler is imported, one request is
answered from ECR (on loopback). `compare` returns the times; tests/bench makes a table of them.
"""

import json
import re
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from boatyard_aws.clients import Clients
from tests.aws.cloud import REGION, serve
from tests.aws.emulator import make_bundle, running, runtime, unpack
from tests.aws.images import Ecr
from tests.aws.payloads import function_url
from tests.aws.site import DEPLOYMENT_KEY, order, variables

BARE = """\
import boto3

ecr = boto3.client("ecr")


def handler(event, context):
    found = ecr.describe_images(repositoryName="images", imageIds=[{"imageTag": event["tag"]}])
    return {"statusCode": 200, "body": found["imageDetails"][0]["imageDigest"]}
"""


_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
"""The runtime's report of its start, until it requests the first event."""


@dataclass(frozen=True)
class Start:
    """Seconds that one instance takes."""

    init: float
    """Until the runtime asks for its first event."""
    first: float
    """Until the first answer, `init` included: what a caller waits."""
    warm: float
    """The second answer."""
    cpu: float
    """Of the handler's process until the first answer."""


@dataclass(frozen=True)
class ColdStarts:
    bare: tuple[Start, ...]
    ours: tuple[Start, ...]

    def ratio(self, part: str) -> float:
        """Our median divided by the bare handler's; 1 means that Boatyard costs nothing."""
        return self.median("ours", part) / self.median("bare", part)

    def median(self, side: str, part: str) -> float:
        return statistics.median(getattr(start, part) for start in getattr(self, side))


def compare(runs: int, bundle: Path | None = None, *, sdk_is_compiled: bool = True) -> ColdStarts:
    """Alternates between both, so that they run under the same conditions.

    `sdk_is_compiled` says whether the SDK has byte code; Boatyard's bundle contains its own.
    """
    cloud, stop = serve()
    try:
        with tempfile.TemporaryDirectory(prefix="boatyard-cold-") as scratch:
            place = Path(scratch)
            sdk = runtime(place / "runtime", compiled=sdk_is_compiled)
            return _compare(runs, place, bundle, cloud.environment(), _prepare(cloud), sdk)
    finally:
        stop()


def _prepare(cloud: Any) -> str:
    """Puts an image into ECR, under the tag that the function looks up."""
    import os
    from unittest.mock import patch

    from boatyard_aws.wiring import Parts
    from tests.aws.site import ask

    httpx.post(f"{cloud.url}/moto-api/reset").raise_for_status()  # moto keeps one account for the whole process
    with patch.dict(os.environ, cloud.environment()):
        ecr = Ecr(cloud, Clients(REGION))
        ecr.repository("images")
        Clients(REGION).secrets().create_secret(Name=DEPLOYMENT_KEY)
        _, plan = ask(Parts(variables("none")), function_url("POST", "/v1/plans", order()))
        tag: str = plan["target"].rpartition(":")[2]
        ecr.push("images", tag, "linux/amd64", key=plan["key"])
    return tag


def _compare(runs: int, place: Path, bundle: Path | None, cloud: Mapping[str, str], tag: str, sdk: Path) -> ColdStarts:
    task = unpack(bundle or make_bundle(place), place / "task")
    bare = place / "bare"
    bare.mkdir()
    (bare / "bare.py").write_text(BARE)
    starts: dict[str, list[Start]] = {"bare": [], "ours": []}
    sides = {
        "bare": (bare, "bare.handler", cloud, {"tag": tag}),
        "ours": (
            *(task, "boatyard_aws.handler.http", {**cloud, **variables("none")}),
            function_url("POST", "/v1/builds", order()),
        ),
    }
    for number in range(runs):
        for side in ("bare", "ours") if number % 2 == 0 else ("ours", "bare"):
            folder, handler, environment, event = sides[side]
            with running(folder, sdk, handler, environment, place / "log") as function:
                first = _timed(function.invoke, event)
                cpu = function.cpu_seconds
                warm = _timed(function.invoke, event)
                told = _INIT.search(function.log.read_text())
                assert told, "the runtime did not report how long its start took"
                starts[side].append(Start(init=float(told[1]) / 1000, first=first, warm=warm, cpu=cpu))
    return ColdStarts(tuple(starts["bare"]), tuple(starts["ours"]))


def _timed(invoke: Any, event: Any) -> float:
    begin = time.perf_counter()
    answer = invoke(event)
    seconds = time.perf_counter() - begin
    assert answer.get("statusCode") == 200, answer
    assert "cached" not in answer["body"] or json.loads(answer["body"])["cached"]
    return seconds
