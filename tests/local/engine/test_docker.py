"""The machine's own Docker, replaced by a script: its calls, and the interpretation of its answers."""

from pathlib import Path

import pytest
from rich.console import Console

from boatyard_local.engine import docker, laptop
from boatyard_local.engine.command import ChildProcesses
from boatyard_local.engine.docker import Docker
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.making import Making
from boatyard_local.engine.progress import EngineProgress


class FakeDocker:
    """A `docker` in PATH; each case is a shell pattern of its arguments and what it then does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"

    def install(self, *cases: tuple[str, str]) -> None:
        body = "".join(f"{pattern}) {script};;\n" for pattern, script in cases)
        path = self.folder / "docker"
        path.write_text(f'#!/bin/sh\necho "$*" >>{self.calls}\ncase "$*" in\n{body}*) exit 1;;\nesac\n')
        path.chmod(0o755)

    def asked(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return FakeDocker(folder)


@pytest.fixture
def making(tmp_path: Path) -> Making:
    layout = Layout(tmp_path / ".boatyard")
    layout.engine.mkdir(parents=True)
    return Making(layout, EngineProgress(Console(quiet=True)), ChildProcesses(layout.logs))


VERSION = ("version*", "echo 28.5.2")
BUILDX = ('"buildx version"', "echo buildx")


def test_a_daemon_with_buildx_is_used(fake: FakeDocker) -> None:
    fake.install(VERSION, BUILDX)
    assert docker.find() == Docker(str(fake.folder / "docker"), "28.5.2")


@pytest.mark.parametrize(
    ("cases", "why"),
    [
        ((("version*", "echo 'Cannot connect' >&2; exit 1"),), "no daemon that answers"),
        ((("version*", "echo"),), "no daemon that answers"),
        ((VERSION,), "no buildx"),
    ],
)
def test_a_command_without_daemon_or_buildx_is_not(
    fake: FakeDocker, cases: tuple[tuple[str, str], ...], why: str
) -> None:
    fake.install(*cases)
    answer = docker.find()
    assert isinstance(answer, str)
    assert why in answer


def test_the_builder_is_made_once_and_again_when_its_configuration_changes(fake: FakeDocker, making: Making) -> None:
    fake.install(("'buildx inspect'*", "true"), ("'buildx rm'*", "true"), ("'buildx create'*", "true"))
    own = Docker(str(fake.folder / "docker"), "28")
    name = laptop.start_builder(making, own, "127.0.0.1:5050", "")
    assert name == laptop.builder_name(making.layout)
    created = [call for call in fake.asked() if call.startswith("buildx create")]
    assert len(created) == 1
    assert f"--name {name} --driver=docker-container --driver-opt=network=host" in created[0]
    laptop.start_builder(making, own, "127.0.0.1:5050", "")
    assert sum(call.startswith("buildx create") for call in fake.asked()) == 1
    laptop.start_builder(making, own, "127.0.0.1:5051", "")
    assert sum(call.startswith("buildx create") for call in fake.asked()) == 2
    assert len(list(making.layout.engine.glob("buildkitd-*.toml"))) == 1


def test_the_builder_trusts_the_companys_own_ca_where_bases_are_pulled(tmp_path: Path) -> None:
    import tomllib

    plain = tomllib.loads(laptop.buildkitd("127.0.0.1:5050", ""))
    assert plain == {"registry": {"127.0.0.1:5050": {"http": True, "insecure": True}}}
    behind = tomllib.loads(laptop.buildkitd("127.0.0.1:5050", "/ca.pem"))["registry"]
    assert behind["docker.io"] == behind["ghcr.io"] == {"ca": ["/ca.pem"]}


def test_names_are_this_folders_own(tmp_path: Path) -> None:
    one, other = Layout(tmp_path / "a"), Layout(tmp_path / "b")
    assert laptop.builder_name(one) != laptop.builder_name(other)
    assert laptop.registry_name(one) != laptop.registry_name(other)


def test_what_was_made_is_removed_and_nothing_else(fake: FakeDocker, making: Making) -> None:
    fake.install(("*", "true"))
    laptop.remove(making.layout, str(fake.folder / "docker"))
    assert fake.asked() == [
        f"buildx rm --force {laptop.builder_name(making.layout)}",
        f"rm --force {laptop.registry_name(making.layout)}",
        f"volume rm --force {laptop.registry_name(making.layout)}",
    ]


def test_a_docker_that_cannot_pull_the_registry_says_so(fake: FakeDocker, making: Making) -> None:
    fake.install(("create*", "echo 'no such host' >&2; exit 125"))
    with pytest.raises(laptop.CannotStart, match="container of registry:2 on Docker failed: no such host"):
        laptop.make(making, Docker(str(fake.folder / "docker"), "28"), "this is not Debian 12 or 13")


RUNNING = f"echo '5050 [PATH=/bin {laptop._GUARDED}]'"


@pytest.mark.parametrize(
    ("inspected", "made"),
    [("exit 1", True), ("echo '5050 [PATH=/bin]'", True), (RUNNING, False)],
    ids=["none", "of an earlier version", "ours"],
)
def test_the_registry_answers_only_who_signs_in(
    fake: FakeDocker, making: Making, monkeypatch: pytest.MonkeyPatch, inspected: str, made: bool
) -> None:
    fake.install(("'container inspect'*", inspected), ("*", "true"))
    monkeypatch.setattr(laptop.registry, "wait", lambda account, otherwise: None)
    laptop.start_registry(making, Docker(str(fake.folder / "docker"), "28"))
    asked = fake.asked()
    created = [call for call in asked if call.startswith("create ")]
    assert bool(created) is made
    if created:
        assert "--env REGISTRY_AUTH=htpasswd" in created[0] and laptop._GUARDED in created[0]
    name = laptop.registry_name(making.layout)
    assert asked[-2:] == [f"cp {making.layout.htpasswd} {name}:{laptop._HTPASSWD}", f"restart {name}"]
    from boatyard_local.engine import login

    assert not [call for call in asked if login.password(making.layout) in call]
