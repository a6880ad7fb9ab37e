"""The program of a CodeBuild build, with a Docker engine that it starts itself."""

import json
import os
import time
from pathlib import Path

import msgspec
import pytest

from boatyard.settings import Buildkit, Settings
from boatyard_aws.clients import Clients
from boatyard_aws.wiring import Parts
from boatyard_local.engine import containerd
from boatyard_local.engine.layout import Layout
from tests.aws.cloud import Cloud
from tests.aws.codebuild import CodeBuild
from tests.aws.container import Container
from tests.aws.payloads import function_url
from tests.aws.site import ask, variables

LAYOUT = Layout.of(Path(__file__).parent.parent.parent / ".boatyard")
BUILDX = Buildkit(driver="buildx")


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.integration
def test_the_archive_builds_with_an_engine_that_it_starts_itself(
    cloud: Cloud, bucket: str, clients: Clients, container: Container, settings: Settings, tmp_path: Path
) -> None:
    """A real dockerd is in PATH, as in CodeBuild's images, and no engine runs."""
    if not (LAYOUT.root / "usr" / "sbin" / "dockerd").is_file():
        pytest.skip("this machine's own Docker is in use, which no test may start a second time")
    _give_docker(container, tmp_path)
    settings = msgspec.structs.replace(settings, authentication_type="aws", buildkit=BUILDX)
    chosen = {
        "BOATYARD_SETTINGS": msgspec.json.encode(settings).decode(),
        "BOATYARD_DEFAULT_REPOSITORY": settings.default_repository,
    }
    site, codebuild = Parts(variables(bucket, **chosen)), CodeBuild(cloud)
    commands = {"cmd": [f"echo made with an engine of its own at {time.time_ns()}"]}
    spec = {"baseImage": "python:3.11-slim", "pythonVersion": "3.11", "layers": [{"commands": commands}]}
    status, asked = ask(site, function_url("POST", "/v1/builds", {"spec": spec, "target": {"name": "engine"}}))
    assert status == 202, asked
    done = container.run(codebuild, asked["id"], clients)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "made with an engine of its own" in done.stdout
    _, build = ask(site, function_url("GET", f"/v1/builds/{asked['id']}"))
    assert build["state"] == "SUCCEEDED" and "@sha256:" in build["image"]


def _give_docker(container: Container, folder: Path) -> None:
    """Adds this machine's unpacked Docker to PATH. It shares the containerd that runs here already: a containerd that
    dockerd starts creates /opt/containerd."""
    root = LAYOUT.root / "usr"
    driver = json.loads((LAYOUT.engine / "daemon.json").read_text()).get("storage-driver", "")
    more = [
        f"--containerd={containerd.socket_path(LAYOUT)}",
        *("--containerd-namespace=codebuild", "--containerd-plugins-namespace=codebuild-plugins"),
        *([f"--storage-driver={driver}"] if driver else []),
    ]
    programs = folder / "programs"
    program(programs, "dockerd", f'PATH={root}/sbin:{root}/bin:$PATH exec {root}/sbin/dockerd "$@" {" ".join(more)}')
    (programs / "docker").symlink_to(root / "bin" / "docker")
    plugins = container.home / ".docker"
    plugins.mkdir()
    (plugins / "cli-plugins").symlink_to(LAYOUT.docker_config / "cli-plugins")
    (plugins / "config.json").write_bytes((LAYOUT.docker_config / "config.json").read_bytes())  # for the base image
    container.programs.append(programs)
    container.variables |= {"BOATYARD_ENGINE_ROOT": str(folder / "data"), "TMPDIR": os.environ.get("TMPDIR", "/tmp")}
