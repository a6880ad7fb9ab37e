"""A request -> Storage queue -> the platform's worker makes the image -> a real registry, and is killed on the way."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard_azure.bucket import BlobBucket
from boatyard_serverless.inline.state import LEASE_SECONDS, InlineStates
from tests.azure.host import Host, Listener
from tests.azure.storage import Storage
from tests.azure.vault import Vault
from tests.azure.worker.process import WorkerDied
from tests.layers.small_site import SmallSite, small_site

pytestmark = pytest.mark.integration


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallSite]:
    with small_site(tmp_path) as made:
        yield made


@pytest.fixture
def host(
    app: Path, small: SmallSite, deployment: dict[str, str], queues: dict[str, str], users: Vault, tmp_path: Path
) -> Iterator[Host]:
    variables = {
        **deployment,
        **queues,
        "BOATYARD_RUNNER": "inline",
        "BOATYARD_VAULT": users.url,
        "BOATYARD_SETTINGS": msgspec.json.encode(small.settings).decode(),
        "BOATYARD_DEFAULT_REPOSITORY": small.settings.default_repository,
    }
    made = Host(
        app.with_name("app-inline"),
        {name: text for name, text in variables.items() if name != "BOATYARD_ACR_TASK"},
        tmp_path / "log",
    )
    yield made
    made.close()


def test_a_killed_function_s_image_is_finished_by_the_next_one(
    host: Host, small: SmallSite, storage: Storage, bucket: BlobBucket
) -> None:
    listener = Listener(host, storage.queues, "message")
    spec = small.spec(*small.layers("tiny")[1:])
    order = {"spec": spec, "project": "ml", "domain": "dev", "target": {"name": "inline"}}
    asked = host.ask("POST", "/v1/builds", order)
    assert asked.status == 202, asked.body + host.worker.log().encode()
    build_id = asked.document["id"]
    states = InlineStates(bucket)

    died: list[WorkerDied] = []

    def deliver() -> None:
        try:
            listener.run()
        except WorkerDied as error:
            died.append(error)

    delivered = threading.Thread(target=deliver)
    delivered.start()
    held = states.get(build_id)
    while held is None or held.state.phase != "running":
        assert delivered.is_alive(), host.worker.log()
        time.sleep(0.01)
        held = states.get(build_id)
    host.worker.kill()
    delivered.join()
    assert died, "killed before it answered"
    host.start()
    assert answer(host, f"/v1/builds/{build_id}")["state"] == "RUNNING"
    held = states.get(build_id)
    assert held
    past = msgspec.structs.replace(held.state, beat_at=held.state.beat_at - LEASE_SECONDS - 1)
    assert states.replace(build_id, held, past)

    assert [each.ok for each in listener.run()] == [True], host.worker.log()
    build, log = answer(host, f"/v1/builds/{build_id}"), answer(host, f"/v1/builds/{build_id}/logs")
    assert build["state"] == "SUCCEEDED", f"{build}\n{log}\n{host.worker.log()}"
    assert any("begins again" in line for line in log["lines"])
    assert host.ask("POST", "/v1/builds", order).document["image"] == build["image"]
    assert not listener.queue.peek_messages(), json.dumps(build)


def answer(host: Host, path: str) -> Any:
    return host.ask("GET", path).document
