"""A Docker engine in a build service's container is used if it can push, else replaced for the build."""

import json
import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard.settings import Buildkit, Network
from boatyard_buildkit import engine as engines
from boatyard_buildkit.engine import engine
from tests.buildkit import jobs

BUILDX = Buildkit(driver="buildx")


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with only the machine's own tools."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return folder


@pytest.mark.parametrize(
    "settings",
    [Buildkit(driver="buildctl"), Buildkit(driver="buildx", builder="b"), Buildkit(driver="buildx", docker_host="x")],
)
def test_what_the_settings_name_is_used(settings: Buildkit, tmp_path: Path, path: Path) -> None:
    with engine(settings, jobs.make(), tmp_path / "engine", {}) as used:
        assert used == settings


def test_an_engine_with_containerds_store_is_used(tmp_path: Path, path: Path) -> None:
    program(path, "docker", """echo '[["driver-type","io.containerd.snapshotter.v1"]]'""")
    with engine(BUILDX, jobs.make(), tmp_path / "engine", {}) as used:
        assert used == BUILDX
    assert not (tmp_path / "engine").exists()


def test_another_takes_the_place_of_one_with_dockers_own_store(tmp_path: Path, path: Path) -> None:
    """As in CodeBuild's images. Checks the arguments of the new engine, and that it has ended afterwards."""
    program(
        path, "docker", f"""case "$*" in info*) echo '[["Backing Filesystem","xfs"]]';; *) cat {tmp_path}/up;; esac"""
    )
    program(path, "dockerd", f'echo "$@" > {tmp_path}/told; echo $$ > {tmp_path}/up; exec sleep 100')
    job = msgspec.structs.replace(jobs.make(), insecure_registries=("registry.test:5000",))
    with engine(BUILDX, job, tmp_path / "engine", {"BOATYARD_ENGINE_ROOT": "/data"}) as used:
        assert used.docker_host == f"unix://{tmp_path}/engine/docker.sock"
        told = (tmp_path / "told").read_text().split()
        assert {"--data-root=/data", f"--host={used.docker_host}"} <= set(told)
        assert not [each for each in told if "bridge" in each or "tcp" in each]
        configuration = json.loads((tmp_path / "engine" / "daemon.json").read_text())
        assert configuration["features"] == {"containerd-snapshotter": True}
        assert configuration["insecure-registries"] == ["registry.test:5000"]
        os.kill(number := int((tmp_path / "up").read_text()), 0)
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    host = msgspec.structs.replace(job, network=Network(mode="host"))
    with engine(BUILDX, host, tmp_path / "another", {}):
        assert "--bridge=none" in (tmp_path / "told").read_text().split()


def test_a_metadata_server_is_closed_to_the_builds_steps(tmp_path: Path, path: Path) -> None:
    """An existing engine that could push is not used either, because nothing blocks the metadata server in it."""
    program(path, "docker", """echo '[["driver-type","io.containerd.snapshotter.v1"]]'""")
    program(path, "dockerd", "exec sleep 100")
    program(path, "iptables", f'echo "$@" >> {tmp_path}/rules')
    with engine(BUILDX, jobs.make(), tmp_path / "engine", {}, closed=("169.254.169.254",)) as used:
        assert used.docker_host == f"unix://{tmp_path}/engine/docker.sock"
    rule = "--wait --insert DOCKER-USER --destination 169.254.169.254 --protocol tcp ! --destination-port 53"
    assert (tmp_path / "rules").read_text() == f"{rule} --jump REJECT\n"
    host = msgspec.structs.replace(jobs.make(), network=Network(mode="host"))
    with engine(BUILDX, host, tmp_path / "another", {}, closed=("169.254.169.254",)):
        assert (tmp_path / "rules").read_text().count("\n") == 1, "no bridge, no rule"


@pytest.mark.parametrize("script", [None, "echo 'Permission denied (you must be root)' >&2; exit 4"])
def test_what_cannot_be_closed_is_not_built(script: str | None, tmp_path: Path, path: Path) -> None:
    program(path, "docker", "echo 28")
    program(path, "dockerd", "exec sleep 100")
    if script:
        program(path, "iptables", script)
    with (
        pytest.raises(BoatyardError, match="could not be closed") as caught,
        engine(BUILDX, jobs.make(), tmp_path / "engine", {}, closed=("169.254.169.254",)),
    ):
        pass
    assert caught.value.code == "DATAPLANE_UNAVAILABLE" and ("must be root" in caught.value.detail) is bool(script)


def test_one_that_does_not_start_says_why(tmp_path: Path, path: Path) -> None:
    program(path, "docker", "exit 1")
    with pytest.raises(BoatyardError) as caught, engine(BUILDX, jobs.make(), tmp_path / "none", {}):
        pass
    assert caught.value.code == "DATAPLANE_UNAVAILABLE" and "dockerd" in caught.value.detail
    program(path, "dockerd", "echo 'failed to mount overlay: operation not permitted' >&2; exit 1")
    with pytest.raises(BoatyardError) as caught, engine(BUILDX, jobs.make(), tmp_path / "engine", {}):
        pass
    assert "privileged" in caught.value.detail and "operation not permitted" in caught.value.detail


def test_an_idle_engine_is_stopped_in_its_own_container_and_nowhere_else(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(path, "docker", f'case "$1" in info) exit 1;; esac; cat {tmp_path}/up')
    program(path, "dockerd", f"echo 28 > {tmp_path}/up; exec sleep 100")
    with subprocess.Popen(["sleep", "100"]) as theirs:
        try:
            (tmp_path / "docker.pid").write_text(str(theirs.pid))
            monkeypatch.setattr(engines, "_THEIRS", tmp_path / "docker.pid")
            monkeypatch.setattr(engines, "_STOP_SECONDS", 0.5)  # nobody waits for it here, so it stays a zombie
            with engine(BUILDX, jobs.make(), tmp_path / "first", {}):
                assert theirs.poll() is None
            with engine(BUILDX, jobs.make(), tmp_path / "second", {}, own_container=True):
                assert theirs.wait(5) < 0
        finally:
            theirs.kill()
