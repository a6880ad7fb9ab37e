"""The function's process is killed with SIGKILL at each step of its way; what comes again ends in one build.

gunicorn starts another process, as Cloud Run starts another instance.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from boatyard_gcp.bucket import GcsBucket
from tests.gcp.cloud_build import CREATE, CloudBuild
from tests.gcp.functions import Functions
from tests.gcp.gke import Clusters, GkeCluster
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import MetadataServer
from tests.gcp.payloads import notified, token
from tests.gcp.secrets import Secrets
from tests.gcp.site import DEPLOYMENT_KEY, variables
from tests.gcp.storage import Storage
from tests.kubernetes.site import settings
from tests.registry.server import FakeRegistry
from tests.serverless.deaths import Deaths, check_events, check_requests

_SOURCE: Final = """
import boatyard_gcp.build_client, boatyard_gcp.contexts, boatyard_gcp.deployment_key, boatyard_gcp.events
import boatyard_gcp.http, boatyard_gcp.wiring, boatyard_registry, boatyard_serverless.builds
import boatyard_serverless.cluster, boatyard_serverless.events.dispatch
from boatyard_gcp.handler import api, events
"""
"""The handler, with what it imports later: each new process would import it again."""


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
        function = Functions(target, chosen, tmp_path, source=str(source))
        deaths.kill = function.kill
        return function

    return started


class Eventarc:
    """Delivers the notification of the last spec."""

    def __init__(self, function: Functions, bucket: GcsBucket, cloud_build: CloudBuild) -> None:
        self.bucket = bucket
        self._function = function
        self._cloud_build = cloud_build
        self._key = ""

    def drop(self, key: str, body: bytes) -> None:
        self.bucket.put(key, body)
        self._key = key

    def deliver(self) -> bool | None:
        try:
            return self._function.post(*notified(self.bucket.name, self._key)).is_success
        except httpx.TransportError:
            return None

    def builds(self) -> list[tuple[str, str]]:
        return [(each.id, each.environment["BOATYARD_BUILD_ID"]) for each in self._cloud_build.builds.values()]

    def log(self) -> str:
        return self._function.log()[-3000:]


class TestDroppedSpecs:
    @pytest.fixture
    def events(
        self,
        start: Callable[..., Functions],
        bucket: GcsBucket,
        cloud_build: CloudBuild,
        storage: Storage,
        deaths: Deaths,
    ) -> Iterator[Eventarc]:
        def created(asked: Any) -> Any:
            answer = cloud_build._create(asked)
            deaths.wrote("build")
            return answer

        cloud_build.server.on(CREATE, created)
        with start("events", BOATYARD_PIN_BASES="true") as function:
            storage.wrote = lambda key: deaths.wrote_key(key)
            yield Eventarc(function, bucket, cloud_build)
            storage.wrote = lambda key: None

    def test_a_death_after_any_write_leaves_an_event_that_ends_in_one_build(
        self, events: Eventarc, deaths: Deaths, images: FakeRegistry
    ) -> None:
        check_events(events, deaths, images)


class TestRequestsToGke:
    @pytest.fixture
    def dataplane(self, metadata: MetadataServer, deaths: Deaths) -> Iterator[GkeCluster]:
        made = GkeCluster(settings(), metadata)

        deaths.in_a_cluster(made.cluster)
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
        def send(order: Any) -> tuple[int, Any] | None:
            headers = {"authorization": f"Bearer {token()}"}
            try:
                answer = httpx.post(f"{api.url}/v1/builds", headers=headers, json=order, timeout=60)
            except httpx.TransportError:
                return None
            return answer.status_code, answer.json()

        check_requests(send, deaths, dataplane.cluster, images)
