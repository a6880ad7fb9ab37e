"""Runs the step of a build in the stand-in for Cloud Build: as `docker run` with the flags of Google's worker, or as a
process.

The flags are those of https://github.com/GoogleCloudPlatform/cloud-build-local (build.go, dockerRunArgs), with the
host's network instead of `cloudbuild`, so that the step reaches the stand-ins on loopback.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from boatyard_gcp.rest import GoogleRest
from tests.builder.pod import Docker
from tests.gcp.cloud_build import CloudBuild, Played

_TO_THE_STAND_INS = ("GCE_METADATA_HOST", "STORAGE_EMULATOR_HOST", "CLOUDSDK_API_ENDPOINT_OVERRIDES_")


def stand_ins() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_TO_THE_STAND_INS)}


class Worker:
    """A worker of Cloud Build: pulls the step's image, runs the step, and writes the log while it runs."""

    def __init__(self, cloud_build: CloudBuild, rest: GoogleRest, docker: Docker, login: Path, *folders: Path) -> None:
        """`login` is the docker config.json with the credentials that the worker gives each step; `folders` are
        mounted into the step at the same path."""
        self._cloud_build = cloud_build
        self._rest = rest
        self._docker = docker
        self._login = login
        self._folders = folders

    def run(self, played: Played) -> str:
        """Runs the step to the build's end, and returns what it printed."""
        volumes = {name: f"{name}-{uuid.uuid4().hex[:12]}" for name in ("workspace", "home")}
        try:
            return self._run(played, self._command(played, volumes))
        finally:
            self._docker("volume", "rm", "--force", *volumes.values())

    def _command(self, played: Played, volumes: Mapping[str, str]) -> list[str]:
        environment = {"HOME": "/builder/home", **played.environment, **stand_ins()}
        entrypoint, *arguments = played.command
        return [
            *(self._docker.command, "run", "--rm", "--privileged", "--network=host"),
            f"--name=step-{played.id}",
            f"--volume={self._docker.environment['DOCKER_HOST'].removeprefix('unix://')}:/var/run/docker.sock",
            *(f"--volume={volumes['workspace']}:/workspace", "--workdir=/workspace"),
            f"--volume={volumes['home']}:/builder/home",
            f"--volume={self._login}:/builder/home/.docker/config.json:ro",
            *(f"--volume={folder}:{folder}:ro" for folder in self._folders),
            *(f"--env={name}={value}" for name, value in environment.items()),
            *(f"--entrypoint={entrypoint}", played.step["name"], *arguments),
        ]

    def _run(self, played: Played, command: Iterable[str]) -> str:
        played.status = "WORKING"
        self._cloud_build.write(self._rest, played, f'starting build "{played.id}"\n\nFETCHSOURCE\nBUILD\n')
        printed: list[str] = []
        with subprocess.Popen(
            list(command),
            env=self._docker.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout
            for line in process.stdout:
                printed.append(line)
                self._cloud_build.write(self._rest, played, line)
        failed = process.returncode != 0
        end = f"ERROR: build step 0 exited with {process.returncode}\n" if failed else "PUSH\nDONE\n"
        self._cloud_build.write(self._rest, played, end)
        played.status, played.failure = ("FAILURE", "USER_BUILD_STEP") if failed else ("SUCCESS", "")
        return "".join(printed)


def run_bare(played: Played) -> "subprocess.CompletedProcess[str]":
    """Runs the step's command in this Python, without a container."""
    entrypoint, *arguments = played.command
    assert entrypoint == "python"
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **played.environment, **stand_ins()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
