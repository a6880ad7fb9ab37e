"""The real functions-framework as a process: how it passes requests and events to the function."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from boatyard_gcp.bucket import GcsBucket
from tests.gcp.cloud_build import CloudBuild
from tests.gcp.functions import Functions
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import PROJECT
from tests.gcp.payloads import ADA, finalized, notified, published, token
from tests.gcp.pubsub import Emulator, Played, body_of
from tests.gcp.secrets import Secrets
from tests.gcp.site import DEPLOYMENT_KEY, order, variables
from tests.registry.server import FakeRegistry

MB = 1024 * 1024
Start = Callable[..., Functions]


@pytest.fixture
def chosen(bucket: GcsBucket, secrets: Secrets, images: FakeRegistry) -> dict[str, str]:
    """Images are in a registry on loopback, because no variable overrides the address of Google's."""
    secrets.make(DEPLOYMENT_KEY)
    return variables(
        bucket.name,
        BOATYARD_DEFAULT_REPOSITORY=f"{images.address}/images",
        BOATYARD_INSECURE_REGISTRIES=images.address,
    )


@pytest.fixture
def spec(images: FakeRegistry) -> dict[str, object]:
    return {**order()["spec"], "baseImage": f"{images.address}/base:1"}


class TestRequests:
    @pytest.fixture
    def api(
        self, chosen: dict[str, str], cloud_build: CloudBuild, iam: ApiServer, tmp_path: Path
    ) -> Iterator[Functions]:
        with Functions("api", chosen, tmp_path) as started:
            yield started

    def test_a_request_becomes_a_build_and_what_is_hostile_becomes_an_answer(
        self, api: Functions, cloud_build: CloudBuild, spec: dict[str, object]
    ) -> None:
        known = {"authorization": f"Bearer {token()}"}
        body = {"spec": spec, "project": "ml", "domain": "dev"}

        def ask(method: str, path: str, headers: dict[str, str] = known, **more: object) -> httpx.Response:
            return httpx.request(method, f"{api.url}{path}", headers=headers, timeout=60, **more)  # type: ignore[arg-type]

        made = ask("POST", "/v1/builds", json=body)
        assert made.status_code == 202, made.text
        again = ask("POST", "/v1/builds", json=body).json()
        assert again["joined"] and again["id"] == made.json()["id"] and len(cloud_build.builds) == 1
        assert ask("GET", f"/v1/builds/{again['id']}").json()["project"] == "ml"

        # The whole path and query come through, decoded once.
        problem = ask("GET", "/v1/images/ghcr.io%2Facme%2Fx%3A1%2525")
        assert problem.status_code == 400 and "%25" in problem.json()["detail"]
        assert ask("GET", "/v1/builds?pageSize=0").json()["field"] == "pageSize"
        assert ask("TRACE", "/v1/builds").status_code == 405

        # Nobody, a token that nobody checked, and one in a header that WSGI would take for the checked one.
        assert ask("GET", "/v1/capabilities", {}).status_code == 401
        assert ask("GET", "/v1/capabilities", {"authorization": f"Bearer {token(signature='c2ln')}"}).status_code == 401
        forged = {**known, "x_serverless_authorization": f"Bearer {token('admin@example.com')}"}
        assert ask("GET", "/v1/capabilities", forged).status_code == 200
        twice = [("Authorization", f"Bearer {token(name)}") for name in ("admin@example.com", ADA)]
        assert httpx.get(f"{api.url}/v1/capabilities", headers=twice, timeout=60).status_code == 401
        callers = [json.loads(line).get("caller") for line in api.log().splitlines() if '"answered"' in line]
        assert set(callers) == {ADA, None}, "never whom the caller says it is"

        # Too large, by its length and without one.
        assert ask("POST", "/v1/plans", content=b"x" * (5 * MB)).status_code == 413
        assert ask("POST", "/v1/plans", content=iter([b"x" * MB] * 5)).status_code == 413
        assert ask("GET", "/healthz").status_code == 200, "and it goes on"

    def test_fifty_equal_requests_at_once_are_one_build(
        self, api: Functions, cloud_build: CloudBuild, spec: dict[str, object]
    ) -> None:
        """As many requests run at a time as the process has threads, while the parts are still being created."""
        headers, body = {"authorization": f"Bearer {token()}"}, {"spec": spec, "project": "ml", "domain": "dev"}

        def ask(_: int) -> httpx.Response:
            return httpx.post(f"{api.url}/v1/builds", headers=headers, json=body, timeout=120)

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(ask, range(50)))
        assert {each.status_code for each in answers} == {202}, api.log()[-4000:]
        assert len({each.json()["id"] for each in answers}) == 1 == len(cloud_build.builds)
        assert sum(not each.json()["joined"] for each in answers) == 1

    def test_lengths_that_do_not_agree_are_refused_before_us(self, api: Functions) -> None:
        parts = urlsplit(api.url)
        for head in (
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: -1\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
        ):
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
            connection.connect()
            request = f"POST /v1/plans HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token()}\r\n{head}\r\n0\r\n\r\n"
            connection.sock.sendall(request.encode())
            answer = connection.sock.recv(200)
            connection.close()
            assert answer.split(b" ")[1][:1] in (b"4", b"5"), (head, answer)


class TestEvents:
    @pytest.fixture
    def topics(self, pubsub: ApiServer) -> Played:
        return Played(pubsub)

    @pytest.fixture
    def events(
        self, chosen: dict[str, str], cloud_build: CloudBuild, topics: Played, tmp_path: Path
    ) -> Iterator[Functions]:
        with Functions("events", {**chosen, "BOATYARD_DEAD_LETTERS": topics.make("dead")}, tmp_path) as started:
            yield started

    def test_events_in_either_form_are_one_build_and_what_failed_is_asked_for_again(
        self,
        events: Functions,
        chosen: dict[str, str],
        bucket: GcsBucket,
        cloud_build: CloudBuild,
        topics: Played,
        spec: dict[str, object],
    ) -> None:
        bucket.put("specs/ml/dev/app.json", json.dumps({"spec": spec}).encode())
        dropped = finalized(bucket.name, "specs/ml/dev/app.json")
        cloud_build.server.fail("cloudbuild.projects.locations.builds.create", 429, "RESOURCE_EXHAUSTED")
        assert events.post(*dropped).status_code == 503, "Eventarc delivers it again"
        assert '"event is tried again"' in events.log() and "Traceback" not in events.log()
        cloud_build.server.heal()
        sent = published(json.dumps({"spec": spec, "project": "ml", "domain": "dev"}).encode())
        raw = httpx.post(events.url, json=sent[1], timeout=60)
        answers = [events.post(*told, structured=form) for told in (dropped, sent) for form in (False, True)]
        assert [each.status_code for each in (*answers, raw)] == [200] * 5, events.log()
        assert len(cloud_build.builds) == 1
        assert bucket.get("results/ml/dev/app.json") is not None

        # Poison is kept once, and acknowledged.
        for structured in (False, True):
            assert events.post(*published(b'{"spec": 5}'), structured=structured).status_code == 200
        dead = topics.take(f"projects/{PROJECT}/topics/dead")
        assert [each["attributes"]["boatyard-code"] for each in dead] == ["INVALID_SPEC"] * 2
        assert httpx.post(events.url, json={"a": 1}, timeout=60).status_code == 400, "no CloudEvent at all"


def test_googles_emulator_delivers_again_what_raised(
    chosen: dict[str, str],
    bucket: GcsBucket,
    cloud_build: CloudBuild,
    emulator: Emulator,
    spec: dict[str, object],
    tmp_path: Path,
) -> None:
    """The emulator pushes a dropped spec's notification, the same order, and poison."""
    cloud_build.server.fail("cloudbuild.projects.locations.builds.create", 429, "RESOURCE_EXHAUSTED", times=2)
    bucket.put("specs/ml/dev/app.json", json.dumps({"spec": spec}).encode())
    order = json.dumps({"spec": spec, "project": "ml", "domain": "dev"}).encode()
    messages = [notified(bucket.name, "specs/ml/dev/app.json"), published(order), published(b'{"spec": 5}')]
    topics = emulator.topics()
    more = {"PUBSUB_EMULATOR_HOST": emulator.host, "BOATYARD_DEAD_LETTERS": topics.make("raised-dead")}
    with (
        Functions("events", {**chosen, **more}, tmp_path) as events,
        emulator.pushing("raised", events.url) as publish,
    ):
        publish([{name: data["message"][name] for name in ("data", "attributes")} for _, data in messages])
        wait(lambda: events.log().count('"event done"') >= 2 and "INVALID_SPEC" in events.log(), events)
        assert len(cloud_build.builds) == 1
        assert events.log().count('"message":"message refused"') >= 2, "the poison, and at least one that came again"
        (dead,) = topics.take(more["BOATYARD_DEAD_LETTERS"])
        assert dead["attributes"]["boatyard-code"] == "INVALID_SPEC" and body_of(dead) == b'{"spec": 5}'


def wait(done: Callable[[], bool], events: Functions) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, events.log()[-4000:]
        time.sleep(0.2)
