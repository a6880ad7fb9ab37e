"""Order -> Cloud Build -> its step in the builder image, with a Docker engine of its own -> BuildKit -> registry.

Cloud Build is played; the step is run as its worker runs it, in the image that `make builder-image CLOUD=gcp` makes.
docker.io/library/docker cannot be had everywhere: this machine's unpacked Docker stands for its programs.
"""

import shutil
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
from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.build_service import CloudBuild as CloudBuildService
from boatyard_gcp.contexts import GcsContextStore
from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.secrets import ProjectSecrets
from boatyard_local.engine.layout import Layout
from boatyard_local.settings import load_settings
from boatyard_registry import OciRegistry
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.clock import SystemClock
from boatyard_serverless.secrets import ServiceSecretStore
from tests.builder.conftest import ROOT, SETTINGS, Maker, buildkit_image
from tests.builder.pod import Docker
from tests.buildkit.archives import pack
from tests.buildkit.engine import keychain
from tests.bundle.scripts import ask
from tests.gcp.cloud_build import CloudBuild
from tests.gcp.loopback import ApiServer
from tests.gcp.metadata_server import PROJECT
from tests.gcp.secrets import Secrets
from tests.gcp.site import builder
from tests.gcp.steps import Worker

pytestmark = pytest.mark.integration
LAYOUT = Layout.of(ROOT / ".boatyard")
SCOPE = Scope("ml", "dev")
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
        pytest.fail(f"no engine: {SETTINGS} is not there; `make test` starts one")
    return load_settings(SETTINGS, {})


@pytest.fixture(scope="module")
def image(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> str:
    if not (LAYOUT.root / "usr" / "sbin" / "dockerd").is_file():
        pytest.skip("this machine's own Docker is in use, whose programs cannot be carried into an image")
    folder = tmp_path_factory.mktemp("in-the-place-of-images")
    (folder / "buildkit" / "usr" / "bin").mkdir(parents=True)
    (folder / "buildkit" / "usr" / "bin" / "buildctl").touch()
    programs = folder / "docker" / "usr" / "local" / "bin"
    plugins = folder / "docker" / "usr" / "local" / "libexec" / "docker" / "cli-plugins"
    for target in (programs, plugins):
        target.mkdir(parents=True)
    root = LAYOUT.root / "usr"
    for name in ("bin/containerd", "bin/containerd-shim-runc-v2", "bin/docker", "sbin/docker-proxy", "sbin/dockerd"):
        shutil.copy(root / name, programs)
    shutil.copy(root / "sbin" / "runc", programs / "runc")
    (programs / "docker-init").touch()
    shutil.copy(root / "libexec" / "docker" / "cli-plugins" / "docker-buildx", plugins)
    engine = ask("from contents import contents; print(contents('gcp').job.engine.image)")
    images = {buildkit_image(): folder / "buildkit", engine: folder / "docker"}
    made = Maker(settings, Docker(settings.buildkit), images, "gcp")("--platform=linux/amd64", "--engine", "--force")
    assert made.returncode == 0, made.stderr[-4000:]
    return made.stdout.strip()


class Site:
    """The function, and Google around it."""

    def __init__(
        self, settings: Settings, image: str, cloud_build: CloudBuild, rest: GoogleRest, bucket: GcsBucket
    ) -> None:
        docker, clock = Docker(settings.buildkit), SystemClock()
        login = Path(settings.buildkit.docker_config) / "config.json"
        chosen = msgspec.structs.replace(settings, buildkit=Buildkit(driver="buildx"), authentication_type="google")
        self.cloud_build = cloud_build
        self.worker = Worker(cloud_build, rest, docker, login, Path(settings.uv.directory))
        self.contexts = GcsContextStore(rest, bucket.name, clock)
        self.secrets = ServiceSecretStore(ProjectSecrets(rest, PROJECT), "boatyard")
        service = CloudBuildService(rest, builder(bucket.name, image=image))
        self.runner = ServiceJobRunner(bucket, service, clock, chosen)
        self.service = Service(
            chosen,
            registry=OciRegistry(keychain=keychain(settings), insecure=settings.insecure_registries),
            runner=self.runner,
            contexts=self.contexts,
            secrets=self.secrets,
            deployment_key=MemoryDeploymentKey(),
            clock=clock,
            poll_seconds=1.0,
        )


@pytest.fixture
def site(
    settings: Settings,
    image: str,
    cloud_build: CloudBuild,
    secrets: Secrets,
    iam: ApiServer,
    rest: GoogleRest,
    bucket: GcsBucket,
) -> Site:
    return Site(settings, image, cloud_build, rest, bucket)


def order(command: str, *secrets: str, context: Context | None = None) -> Order:
    layers = [{"commands": {"cmd": [command], "secretMounts": [{"key": name} for name in secrets]}}]
    if context:
        layers.insert(0, {"copyConfig": {"src": "app.txt", "dst": "/srv/app.txt"}})
    spec = parse_spec({"baseImage": "python:3.11-slim", "pythonVersion": "3.11", "layers": layers})
    return Order(spec=spec, scope=SCOPE, target=Target(name="gcp"), context=context)


def test_a_context_and_a_secret_are_built_in_a_step_and_then_found_in_the_registry(site: Site) -> None:
    site.secrets.put(SCOPE, "TOKEN", SecretValue(kind="build", value=b"s3cr3t-of-the-test"))
    data, context = pack({"app.txt": f"made at {time.time_ns()}".encode()}, ("app.txt",))
    upload = site.contexts.upload(context.sha256, context.size)
    assert httpx.put(upload.upload_url, content=data, headers=upload.headers).is_success
    command = 'test "$TOKEN" = s3cr3t-of-the-test && echo "it is $TOKEN" && grep "made at" /srv/app.txt'
    wanted = order(command, "TOKEN", context=context)
    asked = site.service.ensure(wanted)
    assert asked.build and site.service.ensure(wanted).joined
    played = site.cloud_build.of(asked.build.id)

    printed: list[str] = []
    step = threading.Thread(target=lambda: printed.append(site.worker.run(played)))
    step.start()
    live: list[str] = []
    cursor = ""
    while step.is_alive():
        page = site.runner.logs(asked.build.id, cursor)
        assert page
        if page.lines and step.is_alive():
            live += page.lines
            cursor = page.cursor
        time.sleep(0.2)
    step.join()

    build = site.runner.status(asked.build.id)
    assert build and build.state == "SUCCEEDED" and build.image and "@sha256:" in build.image, printed
    assert live, "the log was there while the build ran"
    rest_of_log = site.runner.logs(asked.build.id, cursor)
    assert rest_of_log and rest_of_log.done
    lines = [*live, *rest_of_log.lines]
    assert any(line.startswith("pushed ") for line in lines) and not {"FETCHSOURCE", "DONE"} & set(lines)
    assert any("made at" in line for line in lines) and "s3cr3t-of-the-test" not in printed[0]
    found = site.service.ensure(wanted)
    assert found.image and found.image.reference == build.image and len(site.cloud_build.builds) == 1


def test_a_users_error_is_the_builds_and_not_cloud_builds(site: Site) -> None:
    asked = site.service.ensure(order(f"echo {time.time_ns()}; exit 3"))
    assert asked.build
    printed = site.worker.run(site.cloud_build.of(asked.build.id))
    build = site.runner.status(asked.build.id)
    assert build and build.state == "FAILED" and build.error, printed
    assert build.error.code == "COMMAND_FAILED" and build.error.layer_index == 0


@pytest.mark.parametrize("kernel", ["with nf_tables", "without"])
def test_the_metadata_server_is_closed_to_what_the_engine_runs(
    kernel: str, image: str, settings: Settings, tmp_path: Path
) -> None:
    """Where RUN steps have a bridge, as in Cloud Build: with the image's own dockerd and iptables."""
    docker = Docker(settings.buildkit)
    flags = ["--rm", "--privileged", "--network=none", "--volume=/workspace", "--entrypoint=python"]
    if kernel == "without":
        fails = tmp_path / "fails"
        fails.write_text("#!/bin/sh\nexit 1\n")
        fails.chmod(0o755)
        flags.append(f"--volume={fails}:/usr/sbin/xtables-nft-multi:ro")
    done = docker("run", *flags, "--env=BOATYARD_ENGINE_ROOT=/workspace/engine", image, "-c", RULES)
    assert "-A FORWARD -j DOCKER-USER" in done.stdout, done.stdout + done.stderr
    first, *_ = [line for line in done.stdout.splitlines() if line.startswith("-A DOCKER-USER")]
    assert first.startswith("-A DOCKER-USER -d 169.254.169.254/32 -p tcp -m tcp ! --dport 53 -j REJECT"), done.stdout
