"""The function's process is killed with SIGKILL at each step of its way; what comes again ends in one build.

gunicorn starts another process, as Cloud Run starts another instance.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import pytest

from boatyard_gcp.bucket import GcsBucket
from boatyard_serverless.builds.ledger import BucketLedger
from tests.gcp.cloud_build import CREATE, CloudBuild
from tests.gcp.functions import Functions
from tests.gcp.gke import Clusters, GkeCluster
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import MetadataServer
from tests.gcp.payloads import notified, token
from tests.gcp.secrets import Secrets
from tests.gcp.site import DEPLOYMENT_KEY, SPEC, variables
from tests.gcp.storage import Storage
from tests.kubernetes.site import settings
from tests.registry.server import FakeRegistry

_SOURCE: Final = """
import boatyard_gcp.build_client, boatyard_gcp.contexts, boatyard_gcp.deployment_key, boatyard_gcp.events
import boatyard_gcp.http, boatyard_gcp.wiring, boatyard_registry, boatyard_serverless.builds
import boatyard_serverless.cluster, boatyard_serverless.events.dispatch
from boatyard_gcp.handler import api, events
"""
"""The handler, with what it imports later: each new process would import it again."""
_NUMBERS: Final = itertools.count()
WRITES: Final = ("order", "record", "open", "list", "list of the project", "build", "record", "result")
CLUSTER_WRITES: Final = ("POST jobs", "POST secrets", "PATCH jobs")


class Deaths:
    """Kills the function at one of its writes, and remembers all of them."""

    def __init__(self) -> None:
        self.function: Functions | None = None
        self.seen: list[str] = []
        self._left = 0

    def at(self, number: int) -> None:
        self.seen.clear()
        self._left = number

    def wrote(self, name: str) -> bool:
        """Whether the function is dead now."""
        self.seen.append(name)
        self._left -= 1
        if self._left == 0 and self.function:
            self.function.kill()
        return self._left == 0


@pytest.fixture
def deaths() -> Deaths:
    return Deaths()


@pytest.fixture
def start(
    bucket: GcsBucket, secrets: Secrets, images: FakeRegistry, iam: ApiServer, deaths: Deaths, tmp_path: Path
) -> Callable[..., Functions]:
    secrets.make(DEPLOYMENT_KEY)
    source = tmp_path / "main.py"
    source.write_text(_SOURCE)

    def started(target: str, **more: str) -> Functions:
        chosen = variables(
            bucket.name,
            BOATYARD_DEFAULT_REPOSITORY=f"{images.address}/images",
            BOATYARD_INSECURE_REGISTRIES=images.address,
            **more,
        )
        deaths.function = Functions(target, chosen, tmp_path, source=str(source))
        return deaths.function

    return started


def spec(images: FakeRegistry) -> dict[str, Any]:
    """Each one is another image."""
    layers = [{"pipPackages": {"packages": [f"six=={next(_NUMBERS)}"]}}]
    return {**SPEC, "baseImage": f"{images.address}/base:1", "layers": layers}


def delivered(send: Callable[[], httpx.Response]) -> httpx.Response | None:
    """None if the function died and gave no answer."""
    try:
        return send()
    except httpx.TransportError:
        return None


def write_of(key: str) -> str:
    """In the words of WRITES."""
    words = {
        "specs/": "spec",
        "bases/": "order",
        "jobs/": "record",
        "open/": "open",
        "builds/of/": "list of the project",
    }
    words |= {"builds/": "list", "results/": "result"}
    return next(word for prefix, word in words.items() if key.startswith(prefix))


class TestDroppedSpecs:
    @pytest.fixture
    def events(
        self, start: Callable[..., Functions], cloud_build: CloudBuild, storage: Storage, deaths: Deaths
    ) -> Iterator[Functions]:
        def created(asked: Any) -> Any:
            answer = cloud_build._create(asked)
            deaths.wrote("build")
            return answer

        cloud_build.server.on(CREATE, created)
        with start("events", BOATYARD_PIN_BASES="true") as function:
            storage.wrote = lambda key: deaths.wrote(write_of(key))
            yield function
            storage.wrote = lambda key: None

    def test_a_death_after_any_write_leaves_an_event_that_ends_in_one_build(
        self, events: Functions, deaths: Deaths, cloud_build: CloudBuild, bucket: GcsBucket, images: FakeRegistry
    ) -> None:
        images.add_image("base", "1")
        ledger = BucketLedger(bucket)
        for number in range(len(WRITES) + 1):  # the first one is not killed
            key, died = f"specs/ml/dev/{number}.json", WRITES[number - 1] if number else ""
            deaths.at(-1)
            bucket.put(key, json.dumps({"spec": spec(images)}).encode())
            event, known = notified(bucket.name, key), set(cloud_build.builds)
            deaths.at(number)
            first = delivered(lambda event=event: events.post(*event))
            assert (first is None) is bool(number), (died, events.log()[-3000:])
            if not number:
                assert tuple(deaths.seen) == WRITES, "the way as it is killed below"
            for _ in range(4):
                answer = delivered(lambda event=event: events.post(*event))
                assert answer is not None, (died, events.log()[-3000:])
                if answer.is_success:
                    break
                _pass_a_minute(ledger)
            else:
                pytest.fail(f"killed after {died}, the event is refused forever: {events.log()[-3000:]}")
            made = [cloud_build.builds[each] for each in cloud_build.builds if each not in known]
            (build_id,) = {each.environment["BOATYARD_BUILD_ID"] for each in made}
            held = ledger.get(build_id)
            assert held and held.record.execution.rpartition("/")[2] == made[-1].id, died
            # Cloud Build has no idempotency token: the job's own lock lets one of two do the work.
            assert len(made) == (2 if died == "build" else 1), died
            stored = bucket.get(f"results/ml/dev/{number}.json")
            assert stored and json.loads(stored.body)["id"] == build_id, died
            assert build_id in {each for _, each in ledger.open()}, died
        assert len(list(bucket.keys("bases/built/"))) == len(WRITES) + 1, "a push of the base rebuilds all of them"


def _pass_a_minute(ledger: BucketLedger) -> None:
    """Since the claims of builds that nobody has started."""
    for key in ledger.bucket.keys("jobs/"):
        _, tag, number, _ = key.split("/")
        held = ledger.get(f"{tag}-{int(number)}")
        if held and not held.record.execution:
            ledger.replace(held, msgspec.structs.replace(held.record, claimed_at=held.record.claimed_at - 61))


class TestRequestsToGke:
    @pytest.fixture
    def dataplane(self, metadata: MetadataServer, deaths: Deaths) -> Iterator[GkeCluster]:
        made = GkeCluster(settings(), metadata)

        def before(method: str, path: str) -> str | None:
            if method == "GET":
                return None
            kind = path.partition("?")[0].partition("/namespaces/ml-dev/")[2].partition("/")[0]
            return "drop" if deaths.wrote(f"{method} {kind}") else None

        made.cluster.server.fault = before
        yield made
        made.close()

    @pytest.fixture
    def api(
        self,
        start: Callable[..., Functions],
        dataplane: GkeCluster,
        metadata: MetadataServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[Functions]:
        with ApiServer("container", "v1", metadata) as container, dataplane.ca.cert_pem.tempfile() as public:
            monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", container.url)
            Clusters(container).lead_to(dataplane, "dns")
            chosen = {
                "BOATYARD_RUNNER": "kubernetes",
                "BOATYARD_CLUSTER": "europe-west1/dataplane",
                "BOATYARD_BUILDKIT__ENABLED": "false",
                "BOATYARD_KUBERNETES__BUILDER_IMAGE": "registry.test/builder:1",
                "SSL_CERT_FILE": public,
            }
            with start("api", **chosen) as function:
                yield function

    def test_a_death_before_or_after_any_write_leaves_a_request_that_ends_in_one_job(
        self, api: Functions, deaths: Deaths, dataplane: GkeCluster, images: FakeRegistry
    ) -> None:
        headers = {"authorization": f"Bearer {token()}"}
        for number in range(len(CLUSTER_WRITES) + 1):
            order = {"spec": spec(images), "project": "ml", "domain": "dev"}

            def send(order: Any = order) -> httpx.Response:
                return httpx.post(f"{api.url}/v1/builds", headers=headers, json=order, timeout=60)

            known = len(dataplane.cluster.objects("Job"))
            deaths.at(number)
            first = delivered(send)
            assert (first is None) is bool(number), api.log()[-3000:]
            if not number:
                assert tuple(deaths.seen) == CLUSTER_WRITES, "the way as it is killed below"
            answer = delivered(send)
            assert answer is not None and answer.status_code == 202, api.log()[-3000:]
            again = send().json()
            assert again["joined"] and again["id"] == answer.json()["id"]
            jobs = dataplane.cluster.objects("Job")[known:]
            assert len(jobs) == 1 and not jobs[0]["spec"].get("suspend"), number
        assert len(dataplane.cluster.objects("Pod")) == len(CLUSTER_WRITES) + 1
