"""A spec object or a request -> functions-framework -> Cloud Build -> its step in the builder image, with a Docker
engine of its own -> BuildKit -> registry.

A stand-in plays Cloud Build. The step runs as Cloud Build's worker runs it, in the image that
`make builder-image CLOUD=gcp` makes. docker.io/library/docker is not available everywhere, so this machine's unpacked
Docker replaces its programs.
"""

import json
import threading
import time
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from boatyard.settings import Buildkit, Settings
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.registry.host import TOKEN_USER
from boatyard_gcp.rest import GoogleRest
from boatyard_local.settings import load_settings
from tests.builder.conftest import SETTINGS
from tests.builder.engine_image import engine_image, engine_programs
from tests.builder.pod import Docker
from tests.buildkit.archives import pack
from tests.gcp.cloud_build import CloudBuild
from tests.gcp.functions import Functions
from tests.gcp.image_registry import ImageRegistry
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import MetadataServer
from tests.gcp.payloads import notified, token
from tests.gcp.pubsub import find_emulator
from tests.gcp.secrets import Secrets
from tests.gcp.site import DEPLOYMENT_KEY, variables
from tests.gcp.steps import Worker
from tests.gcp.storage import Notifications, Storage

pytestmark = pytest.mark.integration
TOPIC = "dropped-specs"
RULES = """
import os, subprocess, tempfile
from pathlib import Path
import msgspec
from boatyard.settings import Buildkit, Network
from boatyard_buildkit.engine import engine
from boatyard_gcp.build_step import METADATA
job = msgspec.defstruct("Job", ["insecure_registries", "network"])((), Network())
with engine(Buildkit(driver="buildx"), job, Path(tempfile.mkdtemp()) / "engine", os.environ, closed=(METADATA,)):
    print(subprocess.run(["iptables", "-S"], capture_output=True, text=True, check=True).stdout)
"""


@pytest.fixture(scope="module")
def settings() -> Settings:
    if not SETTINGS.is_file():
        pytest.fail(f"no engine: {SETTINGS} does not exist; `make test` starts one")
    return load_settings(SETTINGS, {})


@pytest.fixture(scope="module")
def image(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> str:
    return engine_image("gcp", settings, tmp_path_factory.mktemp("in-the-place-of-images"))


@pytest.fixture(scope="module")
def storage_server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Storage]:
    """Its own: with Google's Pub/Sub emulator, its buckets publish what is made below specs/."""
    emulator = request.getfixturevalue("emulator") if find_emulator() else None
    notifications = Notifications(emulator.host, TOPIC, "specs/") if emulator else None
    with Storage(tmp_path_factory.mktemp("storage"), notifications) as server:
        yield server


class Site:
    """The functions as processes, and Google around them. The one for events starts when it is first needed."""

    def __init__(
        self,
        functions: Callable[[str], Functions],
        worker: Worker,
        cloud_build: CloudBuild,
        bucket: GcsBucket,
        publishing: Callable[[str], object] | None,
    ) -> None:
        """`publishing` makes the bucket's notifications arrive at a URL."""
        self._functions = functions
        self._publishing = publishing
        self.worker = worker
        self.cloud_build = cloud_build
        self.bucket = bucket
        self.api = functions("api")

    @cached_property
    def events(self) -> Functions:
        started = self._functions("events")
        if self._publishing:
            self._publishing(started.url)
        return started

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token()}"}
        url = f"{self.api.url}{path}"
        answer = httpx.request(method, url, json=body, params=query, headers=headers, timeout=60)
        return answer.status_code, answer.json() if answer.content else None

    def drop(self, key: str, document: Any) -> None:
        events = self.events
        self.bucket.put(key, json.dumps(document).encode())
        if self._publishing is None:
            warnings.warn("no Pub/Sub emulator: the notification is posted as Google documents it", stacklevel=2)
            assert events.post(*notified(self.bucket.name, key)).is_success, events.log()[-4000:]

    def result(self, key: str, known: Callable[[Any], bool]) -> Any:
        """The document at results/ when `known` is true of it."""
        deadline = time.monotonic() + 60
        while True:
            stored = self.bucket.get(key)
            document = json.loads(stored.body) if stored else {}
            if known(document):
                return document
            assert time.monotonic() < deadline, (document, self.events.log()[-4000:])
            time.sleep(0.1)


@pytest.fixture
def site(
    settings: Settings,
    image: str,
    metadata: MetadataServer,
    cloud_build: CloudBuild,
    secrets: Secrets,
    iam: ApiServer,
    rest: GoogleRest,
    bucket: GcsBucket,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Site]:
    secrets.make(DEPLOYMENT_KEY)
    with ExitStack() as stack:
        registry = stack.enter_context(ImageRegistry(tmp_path, metadata))
        configured = variables(
            bucket.name,
            BOATYARD_SETTINGS=settings_for(settings, registry.address, Buildkit(driver="buildx")),
            BOATYARD_DEFAULT_REPOSITORY=f"{registry.address}/images",
            BOATYARD_CLOUDBUILD_IMAGE=image,
        )
        login = login_of_the_worker(tmp_path, settings, registry.address, rest)
        worker = Worker(
            cloud_build, rest, Docker(settings.buildkit), login, Path(settings.uv.directory), engine_programs()
        )
        emulator = request.getfixturevalue("emulator") if find_emulator() else None
        yield Site(
            lambda target: stack.enter_context(Functions(target, configured, tmp_path)),
            worker,
            cloud_build,
            bucket,
            emulator and (lambda url: stack.enter_context(emulator.pushing(TOPIC, url))),
        )


def settings_for(settings: Settings, registry: str, buildkit: Buildkit) -> str:
    """The engine's settings, with Google's identity for images in the registry."""
    chosen = msgspec.structs.replace(
        settings,
        buildkit=buildkit,
        authentication_type="google",
        insecure_registries=(*settings.insecure_registries, registry),
    )
    return msgspec.json.encode(chosen).decode()


def login_of_the_worker(folder: Path, settings: Settings, registry: str, rest: GoogleRest) -> Path:
    """The docker config that Cloud Build gives a step: for Google's registries a token of the build's account."""
    engine = json.loads((Path(settings.buildkit.docker_config) / "config.json").read_text())
    login = f"{TOKEN_USER}:{rest.identity.token()}"
    own = {registry: {"auth": b64encode(login.encode()).decode()}}
    path = folder / "config-of-the-step.json"
    path.write_text(json.dumps({"auths": {**engine["auths"], **own}}))
    return path


def spec(command: str, *secrets: str, context: bool = False) -> dict[str, Any]:
    layers: list[dict[str, Any]] = [
        {"commands": {"cmd": [command], "secretMounts": [{"key": name} for name in secrets]}}
    ]
    if context:
        layers.insert(0, {"copyConfig": {"src": "app.txt", "dst": "/srv/app.txt"}})
    return {"baseImage": "python:3.11-slim", "pythonVersion": "3.11", "layers": layers}


def test_a_spec_dropped_into_the_bucket_is_built_in_a_step_and_then_found_in_the_registry(site: Site) -> None:
    """Bucket -> notification -> push -> function -> Cloud Build -> step -> BuildKit -> registry, once."""
    secret = {"kind": "build", "value": "s3cr3t-of-the-test", "project": "ml", "domain": "dev"}
    assert site.ask("PUT", "/v1/secrets/TOKEN", secret)[0] == 204
    data, context = pack({"app.txt": f"made at {time.time_ns()}".encode()}, ("app.txt",))
    described = {"sha256": context.sha256, "size": context.size}
    status, upload = site.ask("POST", "/v1/contexts", described)
    assert status == 201, upload
    assert httpx.put(upload["uploadUrl"], content=data, headers=upload["headers"]).is_success
    command = 'test "$TOKEN" = s3cr3t-of-the-test && echo "it is $TOKEN" && grep "made at" /srv/app.txt'
    document = {"spec": spec(command, "TOKEN", context=True), "context": described, "target": {"name": "gcp"}}
    order = {**document, "project": "ml", "domain": "dev"}

    site.drop("specs/ml/dev/app.json", document)
    started = site.result("results/ml/dev/app.json", lambda known: "id" in known)
    dropped = notified(site.bucket.name, "specs/ml/dev/app.json")
    with ThreadPoolExecutor(10) as pool:
        again = list(pool.map(lambda _: site.events.post(*dropped), range(10)))
    assert {each.status_code for each in again} == {200}, site.events.log()[-4000:]
    status, joined = site.ask("POST", "/v1/builds", order)
    assert (status, joined["joined"], joined["id"]) == (202, True, started["id"])
    played = site.cloud_build.of(started["id"])

    printed: list[str] = []
    step = threading.Thread(target=lambda: printed.append(site.worker.run(played)))
    step.start()
    logs, live, cursor = f"/v1/builds/{started['id']}/logs", list[str](), ""
    while step.is_alive():
        status, page = site.ask("GET", logs, cursor=cursor)
        assert status == 200, page
        if page["lines"] and step.is_alive():
            live += page["lines"]
            cursor = page["cursor"]
        time.sleep(0.2)
    step.join()

    status, build = site.ask("GET", f"/v1/builds/{started['id']}")
    assert build["state"] == "SUCCEEDED" and "@sha256:" in build["image"], printed
    assert live, "the log was there while the build ran"
    _, rest_of_log = site.ask("GET", logs, cursor=cursor)
    assert rest_of_log["done"]
    lines = [*live, *rest_of_log["lines"]]
    assert any(line.startswith("pushed ") for line in lines) and not {"FETCHSOURCE", "DONE"} & set(lines)
    assert any("made at" in line for line in lines) and "s3cr3t-of-the-test" not in printed[0]

    status, found = site.ask("POST", "/v1/builds", order)
    assert (status, found["cached"], found["image"]) == (200, True, build["image"])
    site.drop("specs/ml/dev/app.json", document)
    site.result("results/ml/dev/app.json", lambda known: known.get("image") == build["image"])
    assert len(site.cloud_build.builds) == 1


def test_a_users_error_is_the_builds_and_not_cloud_builds(site: Site) -> None:
    wanted = {
        "spec": spec(f"echo {time.time_ns()}; exit 3"),
        "target": {"name": "gcp"},
        "project": "ml",
        "domain": "dev",
    }
    status, asked = site.ask("POST", "/v1/builds", wanted)
    assert status == 202, asked
    printed = site.worker.run(site.cloud_build.of(asked["id"]))
    _, build = site.ask("GET", f"/v1/builds/{asked['id']}")
    assert build["state"] == "FAILED" and build["error"], printed
    assert build["error"]["code"] == "COMMAND_FAILED" and build["error"]["layerIndex"] == 0


@pytest.mark.parametrize("kernel", ["with nf_tables", "without"])
def test_the_metadata_server_is_closed_to_what_the_engine_runs(
    kernel: str, image: str, settings: Settings, tmp_path: Path
) -> None:
    """RUN steps have a bridge network, as in Cloud Build, with the image's own dockerd and iptables."""
    docker = Docker(settings.buildkit)
    programs = engine_programs()
    flags = ["--rm", "--privileged", "--network=none", "--volume=/workspace", f"--volume={programs}:{programs}:ro"]
    if kernel == "without":
        fails = tmp_path / "fails"
        fails.write_text("#!/bin/sh\nexit 1\n")
        fails.chmod(0o755)
        flags.append(f"--volume={fails}:/usr/sbin/xtables-nft-multi:ro")
    flags += ["--env=BOATYARD_ENGINE_ROOT=/workspace/engine", "--entrypoint=python"]
    done = docker("run", *flags, image, "-c", RULES)
    assert "-A FORWARD -j DOCKER-USER" in done.stdout, done.stdout + done.stderr
    first, *_ = [line for line in done.stdout.splitlines() if line.startswith("-A DOCKER-USER")]
    assert first.startswith("-A DOCKER-USER -d 169.254.169.254/32 -p tcp -m tcp ! --dport 53 -j REJECT"), done.stdout
