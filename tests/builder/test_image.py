"""The image that jobs run in: what it contains, what it must not contain, and a job inside it."""

import json
import re
import time
from pathlib import Path

import msgspec
import pytest

from boatyard.build import State
from boatyard.reference import Reference
from boatyard.settings import Kubernetes, Settings, Uv
from boatyard_registry import OciRegistry
from tests.aws.images import HOST
from tests.builder.conftest import BASE, ROOT, STAND_IN, Maker
from tests.builder.pod import Docker, run_job
from tests.buildkit import jobs
from tests.buildkit.engine import keychain

pytestmark = pytest.mark.integration
DOCKERFILE = (ROOT / "infra" / "builder" / "Dockerfile").read_text()
LOOK = """
import json, pathlib, sysconfig
site = pathlib.Path(sysconfig.get_path("purelib"))
root = pathlib.Path("/opt/boatyard")
data = site / "botocore" / "data"
print(json.dumps({
    "tops": sorted(path.name for path in site.iterdir() if not path.name.endswith(".dist-info")),
    "services": sorted(path.name for path in data.iterdir() if path.is_dir()),
    "sources": sum(1 for _ in site.rglob("*.py")),
    "compiled": sum(1 for _ in site.rglob("*.pyc")),
    "stray": [str(p) for p in root.rglob("*") if p.name in ("tests", "test", ".git", "pip", "setuptools", "build")],
    "caches": [p for p in ("/root/.cache", "/tmp/.cache", "/build", "/tools", "/wheels") if pathlib.Path(p).exists()],
    "writable": [str(p) for p in root.rglob("*") if p.stat().st_mode & 0o022 and not p.is_symlink()],
    "compilers": [str(p) for n in ("gcc", "cc", "clang", "make") for p in pathlib.Path("/usr/bin").glob(n)],
    "secrets": [p for p in ("/etc/pip.conf", "/run/secrets") if pathlib.Path(p).exists()],
}))
"""


def test_the_jobs_command_runs_as_the_pods_user_on_a_read_only_disk(docker: Docker, image: str) -> None:
    """Prints the size: the base here is bigger than python:…-slim."""
    told = docker.run(image, ["python", "-m", "boatyard_buildkit", "--help"])
    assert told.returncode == 0 and "--termination-log" in told.stdout, told.stderr
    assert docker.run(image, ["id", "-u"]).stdout.strip() == "1000"
    inspected = json.loads(docker("image", "inspect", image).stdout)[0]
    assert inspected["Config"]["User"] == "1000:1000", "also where nobody says so"
    assert inspected["Config"]["Entrypoint"] == ["python", "-m", "boatyard_buildkit"]
    own = [int(size) for size in _sizes(docker, image)]
    print(f"the builder's image: {inspected['Size']:,} bytes, {sum(own):,} of them above its base")
    assert sum(own) < 25_000_000, "buildctl, some 30 MB, is a stand-in here"


def test_it_holds_what_a_job_needs_and_nothing_else(docker: Docker, image: str) -> None:
    done = docker.run(image, ["python", "-c", LOOK], "--user=0")  # who may look everywhere
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    ours = {top for top in found["tops"] if top.startswith("boatyard")}
    needed = {"aws", "buildkit", "layers", "registry", "serverless"}
    assert ours == {"boatyard", *(f"boatyard_{name}" for name in needed)}
    assert found["services"] == ["ecr", "s3", "secretsmanager", "sts"]
    assert found["compiled"] == found["sources"], "nothing is compiled when a job starts"
    for name in ("stray", "caches", "writable", "compilers", "secrets"):
        assert found[name] == [], name


def test_nothing_of_this_machine_is_in_its_history(docker: Docker, image: str) -> None:
    history = docker("history", "--no-trunc", image).stdout
    assert str(ROOT) not in history and "index-url" not in history and "BEGIN CERTIFICATE" not in history


def test_the_credential_helper_is_in_path(docker: Docker, image: str) -> None:
    """It answers Docker's verbs. For ECR it requests a token for this identity, which has none here."""
    helper = "docker-credential-boatyard-ecr"
    assert docker.run(image, [helper, "list"]).stdout == "{}"
    elsewhere = docker.run(image, [helper, "get"], input="ghcr.io")
    assert elsewhere.returncode == 1 and "credentials not found" in elsewhere.stdout
    nobody = docker.run(image, [helper, "get"], "--env=AWS_EC2_METADATA_DISABLED=true", input=HOST)
    assert nobody.returncode == 1 and "redentials" in nobody.stdout, nobody.stderr


def test_buildctl_comes_from_the_buildkit_image(docker: Docker, image: str) -> None:
    assert docker.run(image, ["buildctl"]).stdout == STAND_IN.split("'")[1] + "\n"


def test_it_is_there_for_both_architectures_and_none_was_emulated(image: str, settings: Settings) -> None:
    registry = OciRegistry(keychain=keychain(settings), insecure=settings.insecure_registries)
    found = registry.find(Reference.parse(image), ("linux/amd64", "linux/arm64"))
    assert found is not None and set(found.platforms) == {"linux/amd64", "linux/arm64"}
    *_, job, step = DOCKERFILE.split("\nFROM ")
    assert "\nRUN " not in job + step
    assert "FROM --platform=${BUILDPLATFORM} ${PYTHON} AS tools" in DOCKERFILE
    assert all(f"\nFROM tools AS {stage}\n" in DOCKERFILE for stage in ("wheels", "packages"))


def test_a_repeat_builds_nothing_and_says_the_same(maker: Maker, image: str) -> None:
    """Without the replacements for the bases: nothing is built."""
    begin = time.monotonic()
    again = maker(replaced=False)
    assert (again.returncode, again.stdout.strip()) == (0, image), again.stderr
    assert "pushed already" in again.stderr and time.monotonic() - begin < 60
    told = json.loads(maker("--json", replaced=False).stdout)
    assert f"{told['image']}@{told['digest']}" == image


def test_a_job_builds_inside_it_as_in_its_pod(docker: Docker, image: str, settings: Settings, tmp_path: Path) -> None:
    """The pod's command and plan, with the engine's buildx instead of buildctl and a buildkitd."""
    buildkit = settings.buildkit
    socket = buildkit.docker_host.removeprefix("unix://")
    if not socket or not Path(buildkit.docker).is_absolute():
        pytest.skip("this machine's own Docker is in use; its command cannot be carried into an image")
    plugin = (Path(buildkit.docker_config) / "cli-plugins" / "docker-buildx").resolve()
    login = tmp_path / "config.json"  # the pod's user is not this one
    login.write_bytes((Path(buildkit.docker_config) / "config.json").read_bytes())
    programs = {
        buildkit.docker: "docker",
        str(plugin): "config/cli-plugins/docker-buildx",
        str(login): "config/config.json",
        settings.uv.directory: "uv",
    }
    flags = [f"--volume={path}:/programs/{name}:ro" for path, name in programs.items()]
    flags += [f"--volume={socket}:/programs/docker.sock", f"--group-add={Path(socket).stat().st_gid}"]
    inside = msgspec.structs.replace(
        buildkit,
        docker="/programs/docker",
        docker_config="/programs/config",
        docker_host="unix:///programs/docker.sock",
    )
    chosen = msgspec.structs.replace(
        settings,
        authentication_type="aws",
        buildkit=inside,
        kubernetes=Kubernetes(builder_image=image),
        uv=Uv(directory="/programs/uv"),
    )
    base = next(rule.image for rule in settings.base_images if rule.match == BASE)
    layers = [{"commands": {"cmd": [f"echo inside the builder at {time.time_ns()}"]}}]
    job = jobs.make(layers, settings=chosen, base=base)
    result, said = run_job(docker, image, job, chosen, tmp_path, *flags)
    assert result.state is State.SUCCEEDED, (result, said)
    assert "inside the builder at" in said
    assert result.digest and re.fullmatch(r"sha256:[0-9a-f]{64}", result.digest)


def _sizes(docker: Docker, image: str) -> list[str]:
    """The sizes in bytes of the layers that the last stage adds."""
    lines = docker("history", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", image).stdout.splitlines()
    return [line.split("\t")[0] for line in lines if line.split("\t")[1].startswith(("COPY", "WORKDIR"))]
