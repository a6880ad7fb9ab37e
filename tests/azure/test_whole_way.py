"""A request -> ACR Tasks -> its step in the builder image, with a Docker engine of its own -> BuildKit -> registry.

A stand-in plays ACR Tasks. The step runs as its agent runs it, in the image that `make builder-image CLOUD=azure`
makes.
"""

import ssl
import threading
import time
from pathlib import Path

import httpx
import msgspec
import pytest

from boatyard.context import Context
from boatyard.memory import MemoryDeploymentKey
from boatyard.order import Order
from boatyard.ports import Scope, SecretValue
from boatyard.service import Service
from boatyard.settings import Buildkit, Settings
from boatyard.spec import parse_spec
from boatyard.target import Target
from boatyard_azure.bucket import BlobBucket
from boatyard_azure.build_service import AcrTasks
from boatyard_azure.contexts import BlobContextStore
from boatyard_azure.rest import AzureRest
from boatyard_azure.secrets import VaultSecrets
from boatyard_azure.stored_task import stored_task
from boatyard_local.settings import load_settings
from boatyard_registry import OciRegistry
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.clock import SystemClock
from boatyard_serverless.secrets import ServiceSecretStore
from tests.azure.acr_tasks import TASK, AcrTasksServer
from tests.azure.azurite import ACCOUNT
from tests.azure.entra import CLIENT_ID, Entra
from tests.azure.steps import Agent, content
from tests.azure.storage import Storage
from tests.azure.vault import Vault
from tests.builder.conftest import SETTINGS
from tests.builder.engine_image import engine_image
from tests.builder.pod import Docker
from tests.buildkit.archives import pack
from tests.buildkit.engine import keychain

pytestmark = pytest.mark.integration
SCOPE = Scope("ml", "dev")
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


def order(command: str, secret: str, context: Context) -> Order:
    layers = [
        {"copyConfig": {"src": "app.txt", "dst": "/srv/app.txt"}},
        {"commands": {"cmd": [command], "secretMounts": [{"key": secret}]}},
    ]
    spec = parse_spec({"baseImage": "python:3.11-slim", "pythonVersion": "3.11", "layers": layers})
    return Order(spec=spec, scope=SCOPE, target=Target(name="azure"), context=context)


def test_a_context_and_a_secret_are_built_in_a_step_and_then_found_in_the_registry(
    settings: Settings,
    image: str,
    acr_tasks: AcrTasksServer,
    entra: Entra,
    storage: Storage,
    bucket: BlobBucket,
    vault: Vault,
    rest: AzureRest,
    ca_file: Path,
) -> None:
    clock, docker = SystemClock(), Docker(settings.buildkit)
    chosen = msgspec.structs.replace(settings, buildkit=Buildkit(driver="buildx"), authentication_type="azure")
    contexts = BlobContextStore(rest, ACCOUNT, bucket.container, clock)
    secrets = ServiceSecretStore(VaultSecrets(rest, vault.url), "boatyard")
    runner = ServiceJobRunner(bucket, AcrTasks(rest, stored_task(TASK)), clock, chosen)
    service = Service(
        chosen,
        registry=OciRegistry(keychain=keychain(settings), insecure=settings.insecure_registries),
        runner=runner,
        contexts=contexts,
        secrets=secrets,
        deployment_key=MemoryDeploymentKey(),
        clock=clock,
        poll_seconds=1.0,
    )
    task = content(
        image=image,
        client_id=CLIENT_ID,
        account=ACCOUNT,
        container=bucket.container,
        vault=vault.url,
        prefix="boatyard",
    )
    stand_ins = {**entra.of_a_machine, "BOATYARD_BLOB_ENDPOINT": storage.blob.url, "SSL_CERT_FILE": str(ca_file)}
    login = Path(settings.buildkit.docker_config) / "config.json"
    agent = Agent(task, docker, login, stand_ins, Path(settings.uv.directory), ca_file.parent)

    secrets.put(SCOPE, "TOKEN", SecretValue(kind="build", value=b"s3cr3t-of-the-test"))
    data, context = pack({"app.txt": f"made at {time.time_ns()}".encode()}, ("app.txt",))
    upload = contexts.upload(context.sha256, context.size)
    with httpx.Client(verify=ssl.create_default_context(cafile=str(ca_file))) as client:
        assert client.put(upload.upload_url, content=data, headers=upload.headers).is_success
    command = 'test "$TOKEN" = s3cr3t-of-the-test && echo "it is $TOKEN" && grep "made at" /srv/app.txt'
    wanted = order(command, "TOKEN", context)
    asked = service.ensure(wanted)
    assert asked.build and service.ensure(wanted).joined

    printed: list[str] = []
    step = threading.Thread(target=lambda: printed.append(agent.run(acr_tasks.of(asked.build.id))))
    step.start()
    live: list[str] = []
    cursor = ""
    while step.is_alive():
        page = runner.logs(asked.build.id, cursor)
        assert page
        if page.lines and step.is_alive():
            live += page.lines
            cursor = page.cursor
        time.sleep(0.2)
    step.join()

    build = runner.status(asked.build.id)
    assert build and build.state == "SUCCEEDED" and build.image and "@sha256:" in build.image, printed
    assert live, "the log was there while the build ran"
    rest_of_log = runner.logs(asked.build.id, cursor)
    assert rest_of_log and rest_of_log.done
    lines = [*live, *rest_of_log.lines]
    assert any(line.startswith("pushed ") for line in lines)
    assert not any("Launching container" in line or "marked as" in line for line in lines)
    assert any("made at" in line for line in lines) and "s3cr3t-of-the-test" not in printed[0]
    found = service.ensure(wanted)
    assert found.image and found.image.reference == build.image and len(acr_tasks.runs) == 1


def test_the_identity_is_closed_to_what_the_engine_runs(image: str, settings: Settings) -> None:
    """Where RUN steps have a bridge, as in ACR Tasks: with the image's own dockerd and iptables."""
    docker = Docker(settings.buildkit)
    flags = ["--rm", "--privileged", "--network=none", "--volume=/workspace", "--entrypoint=python"]
    done = docker("run", *flags, "--env=BOATYARD_ENGINE_ROOT=/workspace/.engine", image, "-c", RULES)
    rules = [line for line in done.stdout.splitlines() if line.startswith("-A DOCKER-USER")]
    for address in ("169.254.169.254", "168.63.129.16"):
        lead = f"-A DOCKER-USER -d {address}/32 -p tcp -m tcp ! --dport 53 -j REJECT"
        assert any(rule.startswith(lead) for rule in rules), done.stdout + done.stderr
