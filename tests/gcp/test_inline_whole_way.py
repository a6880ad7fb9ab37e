"""A waiting build's message -> functions-framework -> the function makes the image -> a real registry, and is killed on
the way. The queue is played: its messages are posted as Pub/Sub's push does."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.wiring import Parts
from boatyard_serverless.inline.state import LEASE_SECONDS, InlineStates
from boatyard_serverless.memory import MemoryWorkQueue
from tests.gcp.functions import Functions
from tests.gcp.loopback import ApiServer
from tests.gcp.payloads import published, request
from tests.gcp.secrets import Secrets
from tests.gcp.site import DEPLOYMENT_KEY, variables
from tests.layers.small_site import SmallSite, small_site

pytestmark = pytest.mark.integration


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallSite]:
    with small_site(tmp_path) as made:
        yield made


@pytest.fixture
def configured(small: SmallSite, bucket: GcsBucket, secrets: Secrets, iam: ApiServer) -> dict[str, str]:
    secrets.make(DEPLOYMENT_KEY)
    return variables(
        bucket.name,
        BOATYARD_RUNNER="inline",
        BOATYARD_QUEUE="work",
        BOATYARD_SETTINGS=msgspec.json.encode(small.settings).decode(),
        BOATYARD_DEFAULT_REPOSITORY=small.settings.default_repository,
    )


def ask(parts: Parts, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    response = parts.http_app.handle(request(method, path, body))
    return response.status_code, json.loads(response.get_data())


def test_a_killed_function_s_image_is_finished_by_the_next_one(
    configured: dict[str, str], small: SmallSite, bucket: GcsBucket, tmp_path: Path
) -> None:
    parts = Parts(configured)
    queue = parts.__dict__["queue"] = MemoryWorkQueue()
    spec = small.spec(*small.layers("tiny")[1:])
    order = {"spec": spec, "project": "ml", "domain": "dev", "target": {"name": "inline"}}
    status, asked = ask(parts, "POST", "/v1/builds", order)
    assert status == 202, asked
    message = published(json.dumps(queue.take()[0]).encode())
    states = InlineStates(bucket)
    with Functions("events", configured, tmp_path) as function:
        died = threading.Thread(target=lambda: post(function, message))
        died.start()
        held = states.get(asked["id"])
        while held is None or held.state.phase != "running":
            time.sleep(0.01)
            held = states.get(asked["id"])
        function.kill()
        died.join()
        assert ask(parts, "GET", f"/v1/builds/{asked['id']}")[1]["state"] == "RUNNING"
        held = states.get(asked["id"])
        assert held
        past = msgspec.structs.replace(held.state, beat_at=held.state.beat_at - LEASE_SECONDS - 1)
        assert states.replace(asked["id"], held, past)

        assert function.post(*message).is_success, function.log()[-4000:]
        assert function.post(*message).is_success, "it comes again, and there is nothing to do"
        _, build = ask(parts, "GET", f"/v1/builds/{asked['id']}")
        _, log = ask(parts, "GET", f"/v1/builds/{asked['id']}/logs")
        assert build["state"] == "SUCCEEDED", f"{build}\n{log}\n{function.log()[-4000:]}"
    assert any("begins again" in line for line in log["lines"])
    assert ask(parts, "POST", "/v1/builds", order)[1]["image"] == build["image"]


def post(function: Functions, message: tuple[dict[str, str], dict[str, Any]]) -> None:
    with contextlib.suppress(httpx.HTTPError):
        function.post(*message)
