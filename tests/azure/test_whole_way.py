"""A spec object in the container -> its event in the queue -> the worker -> ACR Tasks -> its step in the builder image,
with a Docker engine of its own -> BuildKit -> registry.

A stand-in plays ACR Tasks. The step runs as its agent runs it, in the image that `make builder-image CLOUD=azure`
makes, and pushes with the task's identity by the shipped credential helper.
"""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from boatyard.settings import Buildkit, Settings
from boatyard_azure.bucket import BlobBucket
from boatyard_azure.credential import HELPER
from boatyard_local.settings import load_settings
from tests.azure.acr_tasks import AcrTasksServer
from tests.azure.azurite import ACCOUNT
from tests.azure.entra import CLIENT_ID, Entra
from tests.azure.host import Host, Listener
from tests.azure.image_registry import AcrImages
from tests.azure.payloads import blob_created
from tests.azure.steps import PROGRAMS, Agent, content
from tests.azure.storage import Storage
from tests.azure.vault import Vault
from tests.builder.conftest import SETTINGS
from tests.builder.engine_image import engine_image, engine_programs
from tests.builder.pod import Docker
from tests.buildkit.archives import pack

pytestmark = pytest.mark.integration
KEY = "specs/ml/dev/app.json"
PREFIX = "boatyard"
RULES = """
import os, subprocess, tempfile
from pathlib import Path
import msgspec
from boatyard.settings import Buildkit, Network
from boatyard_buildkit.engine import engine
from boatyard_azure.build_step import CLOSED
job = msgspec.defstruct("Job", ["insecure_registries", "network"])((), Network())
with engine(Buildkit(driver="buildx"), job, Path(tempfile.mkdtemp()) / "engine", os.environ, closed=CLOSED):
    print(subprocess.run(["iptables", "-S"], capture_output=True, text=True, check=True).stdout)
"""


@pytest.fixture(scope="module")
def settings() -> Settings:
    if not SETTINGS.is_file():
        pytest.fail(f"no engine: {SETTINGS} does not exist; `make test` starts one")
    return load_settings(SETTINGS, {})


@pytest.fixture(scope="module")
def image(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> str:
    return engine_image("azure", settings, tmp_path_factory.mktemp("in-the-place-of-images"))


class Site:
    """The functions in the platform's worker, and Azure around them."""

    def __init__(self, host: Host, storage: Storage, bucket: BlobBucket) -> None:
        self.host = host
        self.bucket = bucket
        self.listener = Listener(host, storage.queues, "message")

    def ask(self, method: str, path: str, body: Any = None, *, query: str = "") -> tuple[int, Any]:
        answer = self.host.ask(method, path, body, query=query)
        return answer.status, answer.document

    def publish(self, key: str, times: int = 1) -> None:
        """Puts the event of a blob into the queue, as Event Grid does. azurite publishes none."""
        event = json.dumps(blob_created(key, account=ACCOUNT, container=self.bucket.container))
        for _ in range(times):
            self.listener.queue.send_message(event)

    def drop(self, key: str, document: Any) -> Any:
        """Returns the document at results/ when the function has handled the event."""
        self.bucket.put(key, json.dumps(document).encode())
        self.publish(key)
        assert [each.ok for each in self.listener.run()] == [True], self.host.worker.log()
        stored = self.bucket.get(key.replace("specs/", "results/", 1))
        assert stored
        return json.loads(stored.body)


@pytest.fixture
def registry(entra: Entra, tmp_path: Path) -> Iterator[AcrImages]:
    with AcrImages(tmp_path, entra) as made:
        yield made


@pytest.fixture
def site(
    settings: Settings,
    registry: AcrImages,
    users: Vault,
    deployment: dict[str, str],
    queues: dict[str, str],
    run_host: Callable[[dict[str, str]], Host],
    storage: Storage,
    bucket: BlobBucket,
) -> Site:
    chosen = msgspec.structs.replace(
        settings,
        buildkit=Buildkit(driver="buildx"),
        authentication_type="azure",
        insecure_registries=(*settings.insecure_registries, registry.address),
    )
    variables = {
        **deployment,
        **queues,
        "BOATYARD_VAULT": users.url,
        "BOATYARD_SECRET_PREFIX": PREFIX,
        "BOATYARD_SETTINGS": msgspec.json.encode(chosen).decode(),
        "BOATYARD_DEFAULT_REPOSITORY": f"{registry.address}/images",
    }
    return Site(run_host(variables), storage, bucket)


@pytest.fixture
def agent(
    settings: Settings,
    image: str,
    registry: AcrImages,
    users: Vault,
    entra: Entra,
    storage: Storage,
    bucket: BlobBucket,
    tmp_path: Path,
    ca_file: Path,
) -> Agent:
    """A machine of ACR Tasks, which has the task's identity."""
    task = content(
        image=image,
        client_id=CLIENT_ID,
        account=ACCOUNT,
        container=bucket.container,
        vault=users.url,
        prefix=PREFIX,
    )
    stand_ins = {**entra.of_a_machine, "BOATYARD_BLOB_ENDPOINT": storage.blob.url, "SSL_CERT_FILE": str(ca_file)}
    login = Path(settings.buildkit.docker_config) / "config.json"
    folders = (Path(settings.uv.directory), ca_file.parent, engine_programs())
    programs = {HELPER: registry.write_helper(tmp_path, python=f"{PROGRAMS}/python")}
    return Agent(task, Docker(settings.buildkit), login, stand_ins, *folders, programs=programs)


def test_a_spec_dropped_into_the_container_is_built_in_a_step_and_then_found_in_the_registry(
    site: Site, agent: Agent, acr_tasks: AcrTasksServer, registry: AcrImages, ca_file: Path
) -> None:
    """Blob -> event -> queue -> function -> ACR Tasks -> step -> BuildKit -> registry, once."""
    secret = {"kind": "build", "value": "s3cr3t-of-the-test", "project": "ml", "domain": "dev"}
    assert site.ask("PUT", "/v1/secrets/TOKEN", secret)[0] == 204
    data, context = pack({"app.txt": f"made at {time.time_ns()}".encode()}, ("app.txt",))
    described = {"sha256": context.sha256, "size": context.size}
    status, upload = site.ask("POST", "/v1/contexts", described)
    assert status == 201, upload
    with httpx.Client(verify=ssl.create_default_context(cafile=str(ca_file))) as client:
        assert client.put(upload["uploadUrl"], content=data, headers=upload["headers"]).is_success
    command = 'test "$TOKEN" = s3cr3t-of-the-test && echo "it is $TOKEN" && grep "made at" /srv/app.txt'
    layers = [
        {"copyConfig": {"src": "app.txt", "dst": "/srv/app.txt"}},
        {"commands": {"cmd": [command], "secretMounts": [{"key": "TOKEN"}]}},
    ]
    spec = {"baseImage": "python:3.11-slim", "pythonVersion": "3.11", "layers": layers}
    document = {"spec": spec, "context": described, "target": {"name": "azure"}}
    order = {**document, "project": "ml", "domain": "dev"}

    started = site.drop(KEY, document)
    site.publish(KEY, times=10)
    again = site.listener.run(at_once=10)
    assert [each.ok for each in again] == [True] * 10, site.host.worker.log()
    status, joined = site.ask("POST", "/v1/builds", order)
    assert (status, joined["joined"], joined["id"]) == (202, True, started["id"])

    printed: list[str] = []
    step = threading.Thread(target=lambda: printed.append(agent.run(acr_tasks.of(started["id"]))))
    step.start()
    logs, live, cursor = f"/v1/builds/{started['id']}/logs", list[str](), ""
    while step.is_alive():
        status, page = site.ask("GET", logs, query=f"cursor={cursor}")
        assert status == 200, page
        if page["lines"] and step.is_alive():
            live += page["lines"]
            cursor = page["cursor"]
        time.sleep(0.2)
    step.join()

    _, build = site.ask("GET", f"/v1/builds/{started['id']}")
    assert build["state"] == "SUCCEEDED" and "@sha256:" in build["image"], printed
    assert live, "the log was there while the build ran"
    _, rest_of_log = site.ask("GET", logs, query=f"cursor={cursor}")
    assert rest_of_log["done"]
    lines = [*live, *rest_of_log["lines"]]
    assert any(line.startswith("pushed ") for line in lines)
    assert not any("Launching container" in line or "marked as" in line for line in lines)
    assert any("made at" in line for line in lines) and "s3cr3t-of-the-test" not in printed[0]
    assert registry.pushes and registry.exchanged, "the image was pushed with the task's own identity"
    assert not any(token in printed[0] for token in registry.pushes)

    status, found = site.ask("POST", "/v1/builds", order)
    assert (status, found["cached"], found["image"]) == (200, True, build["image"])
    assert site.drop(KEY, document)["image"] == build["image"]
    assert len(acr_tasks.runs) == 1


def test_the_identity_is_closed_to_what_the_engine_runs(image: str, settings: Settings) -> None:
    """Where RUN steps have a bridge, as in ACR Tasks: with the image's own dockerd and iptables."""
    docker = Docker(settings.buildkit)
    programs = engine_programs()
    flags = ["--rm", "--privileged", "--network=none", "--volume=/workspace", f"--volume={programs}:{programs}:ro"]
    flags += ["--env=BOATYARD_ENGINE_ROOT=/workspace/.engine", "--entrypoint=python"]
    done = docker("run", *flags, image, "-c", RULES)
    rules = [line for line in done.stdout.splitlines() if line.startswith("-A DOCKER-USER")]
    for address in ("169.254.169.254", "168.63.129.16"):
        lead = f"-A DOCKER-USER -d {address}/32 -p tcp -m tcp ! --dport 53 -j REJECT"
        assert any(rule.startswith(lead) for rule in rules), done.stdout + done.stderr
