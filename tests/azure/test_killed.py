"""The worker's process is killed with SIGKILL at each step of its way; what comes again ends in one build.

The host starts another process, as the platform does.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from boatyard_azure.bucket import BlobBucket
from tests.azure.acr_tasks import AcrTasksServer
from tests.azure.aks import CLUSTER, AksCluster, give, kubeconfig
from tests.azure.azurite import ACCOUNT
from tests.azure.entra import Entra
from tests.azure.host import Host, Listener
from tests.azure.payloads import blob_created
from tests.azure.resource_manager import ResourceManager
from tests.azure.storage import Storage
from tests.azure.tls import Asked, Given
from tests.azure.worker.process import WorkerDied
from tests.kubernetes.site import settings
from tests.registry.server import FakeRegistry
from tests.serverless.deaths import Deaths, check_events, check_requests, spec


@pytest.fixture
def start(
    run_host: Callable[[dict[str, str]], Host], deployment: dict[str, str], images: FakeRegistry
) -> Callable[..., tuple[Host, Deaths]]:
    def started(**more: str) -> tuple[Host, Deaths]:
        registry = {
            "BOATYARD_DEFAULT_REPOSITORY": f"{images.address}/images",
            "BOATYARD_INSECURE_REGISTRIES": images.address,
        }
        host, deaths = run_host({**deployment, **registry, **more}), Deaths()
        images.add_image("base", "1")
        plan = host.ask("POST", "/v1/plans", {"spec": spec(images), "project": "ml", "domain": "dev"})
        assert plan.status == 200, "the deployment's key is made by the first request that needs it"
        deaths.kill = lambda: host.worker.kill()
        return host, deaths

    return started


class StorageQueue:
    """Delivers the event of the last spec."""

    def __init__(self, host: Host, storage: Storage, bucket: BlobBucket, acr_tasks: AcrTasksServer) -> None:
        self.bucket = bucket
        self._host = host
        self._listener = Listener(host, storage.queues, "message")
        self._acr_tasks = acr_tasks
        self._event = ""

    def drop(self, key: str, body: bytes) -> None:
        self.bucket.put(key, body)
        self._event = json.dumps(blob_created(key, account=ACCOUNT, container=self.bucket.container))

    def deliver(self) -> bool | None:
        if not self._listener.queue.peek_messages():
            self._listener.queue.send_message(self._event)
        try:
            (outcome,) = self._listener.run()
        except WorkerDied:
            self._host.start()
            return None
        return outcome.ok

    def builds(self) -> list[tuple[str, str]]:
        return [(run.id, run.values["build"]) for run in self._acr_tasks.runs.values()]

    def log(self) -> str:
        return self._host.worker.log()


def test_a_death_after_any_write_leaves_a_message_that_ends_in_one_build(
    start: Callable[..., tuple[Host, Deaths]],
    queues: dict[str, str],
    storage: Storage,
    bucket: BlobBucket,
    acr_tasks: AcrTasksServer,
    images: FakeRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, deaths = start(**queues, BOATYARD_PIN_BASES="true")
    schedule = acr_tasks._schedule

    def scheduled(asked: Asked) -> Given:
        given = schedule(asked)
        deaths.wrote("build")
        return given

    monkeypatch.setattr(acr_tasks, "_schedule", scheduled)
    monkeypatch.setattr(storage.blob, "wrote", lambda path: deaths.wrote_key(path.split("/", 3)[3]))
    check_events(StorageQueue(host, storage, bucket, acr_tasks), deaths, images)


class TestRequestsToAks:
    @pytest.fixture
    def dataplane(self, entra: Entra, arm: ResourceManager) -> Iterator[AksCluster]:
        made = AksCluster(settings(), entra)
        give(arm, kubeconfig(**made.address))
        yield made
        made.close()

    def test_a_death_before_or_after_any_write_leaves_a_request_that_ends_in_one_job(
        self, start: Callable[..., tuple[Host, Deaths]], dataplane: AksCluster, images: FakeRegistry
    ) -> None:
        host, deaths = start(
            BOATYARD_RUNNER="kubernetes",
            BOATYARD_CLUSTER=CLUSTER,
            BOATYARD_BUILDKIT__ENABLED="false",
            BOATYARD_KUBERNETES__BUILDER_IMAGE="registry.test/builder:1",
        )
        deaths.in_a_cluster(dataplane.cluster)

        def send(order: Any) -> tuple[int, Any] | None:
            try:
                answer = host.ask("POST", "/v1/builds", order)
            except WorkerDied:
                host.start()
                return None
            return answer.status, answer.document

        check_requests(send, deaths, dataplane.cluster, images)
