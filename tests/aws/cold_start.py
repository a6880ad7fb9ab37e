"""How long the first answer takes, against the least that a function asking ECR could take.

Both run in Lambda's own runtime, from nothing: the interpreter starts, the handler is imported, one request is
answered from ECR (on loopback). `compare` gives the times; tests/bench makes a row of them.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boatyard_aws.clients import Clients
from tests.aws.cloud import REGION, serve
from tests.aws.emulator import make_bundle, running, runtime, unpack
from tests.aws.images import Ecr
from tests.aws.payloads import function_url
from tests.aws.site import order, variables

BARE = """\
import boto3

ecr = boto3.client("ecr")


def handler(event, context):
    found = ecr.describe_images(repositoryName="images", imageIds=[{"imageTag": event["tag"]}])
    return {"statusCode": 200, "body": found["imageDetails"][0]["imageDigest"]}
"""


@dataclass(frozen=True)
class ColdStarts:
    """Seconds of each first answer."""

    bare: tuple[float, ...]
    ours: tuple[float, ...]
    warm: tuple[float, ...]
    """Ours, the second answer of the same instance."""

    @property
    def ratio(self) -> float:
        """Ours over the bare handler's; 1 would be nothing at all for everything else."""
        return statistics.median(self.ours) / statistics.median(self.bare)


def compare(runs: int, bundle: Path | None = None) -> ColdStarts:
    """Turn by turn, so that both meet the same machine."""
    cloud, stop = serve()
    try:
        with tempfile.TemporaryDirectory(prefix="boatyard-cold-") as scratch:
            return _compare(runs, Path(scratch), bundle, cloud.environment(), _prepare(cloud))
    finally:
        stop()


def _prepare(cloud: Any) -> str:
    """An image in ECR, under the tag that our function will look for."""
    import os
    from unittest.mock import patch

    from tests.aws.site import Site, ask

    with patch.dict(os.environ, cloud.environment()):
        ecr = Ecr(cloud, Clients(REGION))
        ecr.repository("images")
        _, plan = ask(Site(variables("none")), function_url("POST", "/v1/plans", order()))
        tag: str = plan["target"].rpartition(":")[2]
        ecr.push("images", tag, "linux/amd64")
    return tag


def _compare(runs: int, place: Path, bundle: Path | None, cloud: Mapping[str, str], tag: str) -> ColdStarts:
    task = unpack(bundle or make_bundle(place), place / "task")
    bare = place / "bare"
    bare.mkdir()
    (bare / "bare.py").write_text(BARE)
    lambda_runtime = runtime(place / "runtime")
    theirs: list[float] = []
    ours: list[float] = []
    warm: list[float] = []
    for number in range(runs):
        for side in ("bare", "ours") if number % 2 == 0 else ("ours", "bare"):
            if side == "bare":
                with running(bare, lambda_runtime, "bare.handler", cloud, place / "log") as function:
                    theirs.append(_timed(function.invoke, {"tag": tag}))
                continue
            environment = {**cloud, **variables("none")}
            with running(task, lambda_runtime, "boatyard_aws.handler.http", environment, place / "log") as function:
                event = function_url("POST", "/v1/builds", order())
                ours.append(_timed(function.invoke, event))
                warm.append(_timed(function.invoke, event))
    return ColdStarts(tuple(theirs), tuple(ours), tuple(warm))


def _timed(invoke: Any, event: Any) -> float:
    begin = time.perf_counter()
    answer = invoke(event)
    seconds = time.perf_counter() - begin
    assert answer.get("statusCode") == 200, answer
    assert "cached" not in answer["body"] or json.loads(answer["body"])["cached"]
    return seconds
