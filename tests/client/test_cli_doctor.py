"""The findings of `boatyard doctor`, with and without a service."""

import json
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest

from boatyard.finding import Level
from boatyard.settings import Buildkit, Network, Settings, Uv
from boatyard_client.client import Client
from boatyard_client.doctor import disk, engine, examine, network, registry, server
from boatyard_client.endpoint import Endpoint
from tests.client.commands import boatyard
from tests.client.service import MemoryService, once, say
from tests.client.trees import make


@pytest.fixture
def tools(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH: the checks find only programs in it."""
    place = folder / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    monkeypatch.setattr(network, "_uv", lambda: str(place / "uv"))
    return place


def program(place: Path, name: str, script: str) -> None:
    (place / name).write_text(f"#!/bin/sh\n{script}\n")
    (place / name).chmod(0o755)


INSPECTED = """cat <<'E'
Name: default
Status: running
BuildKit version: v0.29.0
Platforms: linux/amd64, linux/arm64
E"""


def test_a_docker_engine_that_answers_is_fine(tools: Path) -> None:
    program(tools, "docker", f'[ "$DOCKER_HOST" = unix:///x ] && [ "$1 $2 $3" = "buildx inspect b" ] && {INSPECTED}')
    found = engine.check(Buildkit(driver="buildx", docker_host="unix:///x", builder="b"), "", configured=True)
    assert found.status is Level.OK and "v0.29.0" in found.detail and "linux/arm64" in found.detail


@pytest.mark.parametrize("driver", ["buildx", "buildctl"])
def test_a_platform_of_the_settings_that_buildkit_does_not_run_is_a_warning(
    driver: Literal["buildx", "buildctl"], tools: Path
) -> None:
    program(tools, "docker", INSPECTED.replace(", linux/arm64", ", linux/amd64/v2"))
    program(tools, "buildctl", 'printf "ID\tPLATFORMS\nx\tlinux/amd64,linux/amd64/v2\n"')
    settings, both = Buildkit(driver=driver), ("linux/amd64", "linux/arm64")
    found = engine.check(settings, "tcp://b:1", configured=True, platforms=both)
    assert found.status is Level.WARN and "linux/arm64, on which it runs none" in found.detail
    assert "binfmt" in found.advice
    assert engine.check(settings, "tcp://b:1", configured=True, platforms=both[:1]).status is Level.OK


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "Cannot connect to the Docker daemon"),
        ("echo 'Name: b\nError: no such socket'", "no such socket"),
        ("exit 3", "it ended with 3"),
    ],
)
def test_a_docker_engine_that_does_not_fails_with_its_reason(script: str, said: str, tools: Path) -> None:
    program(tools, "docker", script)
    found = engine.check(Buildkit(driver="buildx"), "", configured=True)
    assert found.status is Level.FAIL and said in found.detail and "boatyard serve" in found.advice


def test_a_command_that_is_not_there_is_named(tools: Path) -> None:
    found = engine.check(Buildkit(driver="buildx", docker="nowhere/docker"), "", configured=True)
    assert found.status is Level.FAIL and "nowhere/docker is not installed" in found.detail


def test_a_buildkitd_is_asked_by_buildctl(tools: Path) -> None:
    program(
        tools, "buildctl", '[ "$*" = "--addr tcp://b:1 --tlsdir /t debug workers" ] && printf "ID PLATFORMS\\na x\\n"'
    )
    settings = Buildkit(driver="buildctl", tls_directory="/t")
    found = engine.check(settings, "tcp://b:1", configured=True)
    assert found.status is Level.OK and "1 worker" in found.detail
    program(tools, "buildctl", 'echo "ID PLATFORMS"')
    assert engine.check(settings, "tcp://b:1", configured=True).status is Level.FAIL
    assert engine.check(settings, "", configured=True).detail == "no buildkitUri in the settings"
    assert engine.check(Buildkit(enabled=False), "", configured=True).status is Level.FAIL


def test_uv_for_images_has_to_be_in_its_folder(folder: Path) -> None:
    make(folder / "uv", {"uv-amd64": b"", "uv-arm64": b""})
    assert engine.uv(Uv(directory=str(folder / "uv"))).detail.startswith("uv-amd64, uv-arm64 in")
    assert engine.uv(Uv(directory=str(folder / "none"))).status is Level.FAIL
    assert engine.uv(Uv()).status is Level.OK


def test_the_index_is_asked_as_a_build_does(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://mine.example.com")
    program(tools, "uv", 'cat >/dev/null; echo "$*|$HTTPS_PROXY|$NO_PROXY" > "$0.said"')
    found = network.check(Network(index_url="https://index.example.com/simple", no_proxy="x"))
    said = (tools / "uv.said").read_text()
    assert found.status is Level.OK and "--default-index https://index.example.com/simple" in said
    assert said.endswith("||x\n")


def test_an_index_that_does_not_answer_fails_with_the_reason(tools: Path, folder: Path) -> None:
    program(tools, "uv", "printf '  \u00d7 failed\\n  ╰─▶ invalid peer certificate\\n' >&2; exit 1")
    found = network.check(Network())
    assert found.status is Level.FAIL and found.detail.endswith("invalid peer certificate")
    assert "network.caBundle" in found.advice
    assert "there is no such file" in network.check(Network(ca_bundle=str(folder / "none.pem"))).detail
    (folder / "bad.pem").write_text("not a certificate")
    assert network.check(Network(ca_bundle=str(folder / "bad.pem"))).status is Level.FAIL


def test_without_uv_the_index_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_uv", lambda: None)
    assert network.check(Network()).status is Level.WARN


@pytest.mark.parametrize(("free", "level"), [(10**8, "fail"), (5 * 10**9, "warn"), (10**12, "ok")])
def test_disk_space(free: int, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert disk.check([]).status == level and disk.temporary().status == level


def test_a_registry_that_is_not_there_fails(folder: Path) -> None:
    settings = Settings(default_repository="127.0.0.1:9/x", insecure_registries=("127.0.0.1:9",))
    found = registry.push(settings)
    assert found.status is Level.FAIL and "127.0.0.1:9" in found.detail
    rule = Settings(registry_mirrors={"docker.io": "127.0.0.1:9/hub"}, insecure_registries=("127.0.0.1:9",))
    base = registry.base_image(rule, "python:3.12")
    assert base.status is Level.FAIL and "python:3.12 (docker.io/library/python:3.12)" in base.detail
    assert registry.push(Settings()).status is Level.WARN


def test_a_service_elsewhere_is_asked_and_nothing_of_this_machine(
    service: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boatyard_client.doctor.checks.is_loopback", lambda _: False)
    endpoint = Endpoint(service.url, "BOATYARD_URL")
    found = {f.check: f for f in examine(endpoint, Settings(), [], "python:3.12")}
    assert list(found) == ["server", "commands", "base image", "disk"]
    assert found["commands"].detail == "run in memory, on linux/amd64"
    assert found["server"].status is Level.OK and "memory" in found["server"].detail
    assert found["base image"].status is Level.WARN and "python:3.12" in found["base image"].detail
    service.stop()
    gone = next(iter(examine(endpoint, Settings(), [], "python:3.12")))
    assert gone.status is Level.FAIL and "no Boatyard answers" in gone.detail
    service.start()


def test_a_service_of_another_version_is_a_warning(service: MemoryService) -> None:
    answer = json.loads(service.api.handle(_request("/v1/capabilities")).body)
    service.faults.append(once("GET", "/v1/capabilities", say(200, {**answer, "version": "9.9.9"})))
    found = next(iter(examine(Endpoint(service.url, "x"), Settings(), [], "python:3.12")))
    assert found.status is Level.WARN and "9.9.9" in found.detail


@pytest.mark.parametrize(
    ("runners", "words"),
    [
        (["inline"], "none can run: functions make the images, so apt packages"),
        (["inline", "codebuild"], "run in codebuild, on linux/amd64; functions make images that need none"),
    ],
)
def test_functions_alone_run_no_commands(service: MemoryService, runners: list[str], words: str) -> None:
    answer = json.loads(service.api.handle(_request("/v1/capabilities")).body)
    service.faults.append(once("GET", "/v1/capabilities", say(200, {**answer, "runners": runners})))
    with closing(Client(Endpoint(service.url, "x"), patience=server.PATIENCE)) as client:
        found = server.commands(client)
    assert found.status is Level.OK and words in found.detail


def test_the_command_prints_what_to_do_and_fails_if_anything_does(
    folder: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tools, "docker", INSPECTED)
    program(tools, "uv", "cat >/dev/null")
    make(folder / "uv", {"uv-amd64": b""})
    (folder / "boatyard.toml").write_text(
        f'defaultRepository = "127.0.0.1:9/x"\ninsecureRegistries = ["127.0.0.1:9"]\n'
        f'[buildkit]\ndriver = "buildx"\n[uv]\ndirectory = "{folder / "uv"}"\n'
        f'[registryMirrors]\n"docker.io" = "127.0.0.1:9/hub"\n'
    )
    done = boatyard("doctor")
    assert done.code == 1
    for text in ("! server", "✓ buildkit", "✓ uv", "✗ registry", "✗ base image", "✓ network", "→ Start one with"):
        assert text in done.out
    answer = boatyard("doctor", "--json").json()
    assert not answer["ok"] and [check["check"] for check in answer["checks"]] == [
        "server",
        "buildkit",
        "uv",
        "registry",
        "base image",
        "network",
        "disk",
    ]
    monkeypatch.setattr(registry, "push", lambda _: _ok("registry"))
    monkeypatch.setattr(registry, "base_image", lambda *_: _ok("base image"))
    assert boatyard("doctor").code == 0


def test_a_check_that_breaks_does_not_stop_the_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("oh\nno")

    monkeypatch.setattr(registry, "base_image", broken)
    monkeypatch.setattr(network, "check", lambda _: _ok("network"))
    found = {check["check"]: check for check in boatyard("doctor", "--json").json()["checks"]}
    assert found["base image"]["status"] == "fail" and "oh no" in found["base image"]["detail"]
    assert found["disk"]["status"] in ("ok", "warn")


@pytest.mark.integration
def test_on_the_real_engine_everything_is_fine() -> None:
    project = Path(__file__).parents[2]
    settings = project / ".boatyard" / "boatyard.toml"
    done = subprocess.run(
        [project / ".venv/bin/boatyard", "doctor", "--json", "--settings", str(settings)],
        capture_output=True,
        text=True,
        check=False,
    )
    levels = {check["check"]: check["status"] for check in json.loads(done.stdout)["checks"]}
    levels.pop("disk")
    assert levels.pop("server") == "warn"
    assert set(levels.values()) == {"ok"}, done.stdout


def _ok(name: str) -> Any:
    from boatyard.finding import ok

    return ok(name, "fine")


def _request(path: str) -> Any:
    from boatyard.api import Request

    return Request(method="GET", path=path)
