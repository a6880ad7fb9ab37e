"""Runs the step of a played run of ACR Tasks as its agent does: the task's content, rendered, as one shell command.

The command's flags, and how values get into the content, are those of https://github.com/Azure/acr-builder
(builder/context.go, templating), with the host's network for `acb_default_network`: the step reaches the stand-ins
on loopback.
"""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.azure.acr_tasks import HEAD, PlayedRun
from tests.builder.pod import Docker

ROOT = Path(__file__).parent.parent.parent
TEMPLATE = ROOT / "infra" / "terraform" / "azure" / "task.yaml.tftpl"
PROGRAMS = "/opt/boatyard/bin"
"""Where the builder image has Python and the credential helper."""
_PLACE = re.compile(r"\$\{(\w+)\}")
_VALUE = re.compile(r"\{\{\.(Values|Run)\.(\w+)\}\}")


def content(**variables: str) -> str:
    """The task's content, as Terraform's `templatefile` fills it in: a variable too many or too few is an error."""
    text = TEMPLATE.read_text()
    assert set(_PLACE.findall(text)) == set(variables)
    return _PLACE.sub(lambda found: variables[found[1]], text)


def step_of(content: str, run: PlayedRun) -> dict[str, Any]:
    """The only step of a run."""
    known = {("Run", "ID"): run.id, **{("Values", name): value for name, value in run.values.items()}}
    rendered = yaml.safe_load(_VALUE.sub(lambda found: known[found[1], found[2]], content))
    assert set(rendered) == {"version", "steps"}
    (step,) = rendered["steps"]
    return dict(step)


def environment_of(step: Mapping[str, Any]) -> dict[str, str]:
    return dict(each.split("=", 1) for each in step["env"])


class Agent:
    """A machine of ACR Tasks: runs the step, and appends to the log while it runs."""

    def __init__(
        self,
        content: str,
        docker: Docker,
        login: Path,
        stand_ins: Mapping[str, str],
        *folders: Path,
        programs: Mapping[str, Path] | None = None,
    ) -> None:
        """`login` is the docker config.json of the home volume; `folders` are mounted at the same path, and `programs`
        replace those of the image that have their names."""
        self._content = content
        self._docker = docker
        self._login = login
        self._stand_ins = stand_ins
        self._folders = folders
        self._programs = programs or {}

    def run(self, run: PlayedRun) -> str:
        """Runs the step to the run's end, and returns what it printed."""
        volumes = [f"{name}-{uuid.uuid4().hex[:12]}" for name in ("workspace", "home")]
        try:
            return self._run(run, self._command(run, *volumes))
        finally:
            self._docker("volume", "rm", "--force", *volumes)

    def _command(self, run: PlayedRun, workspace: str, home: str) -> str:
        step = step_of(self._content, run)
        docker_socket = self._docker.environment["DOCKER_HOST"].removeprefix("unix://")
        beside = [f"--volume {self._login}:/root/.docker/config.json:ro"]
        beside += [f"--volume {folder}:{folder}:ro" for folder in self._folders]
        beside += [f"--volume {path}:{PROGRAMS}/{name}:ro" for name, path in self._programs.items()]
        beside += [f"--env {name}={value}" for name, value in self._stand_ins.items()]
        parts = [
            f"{self._docker.command} run --rm",
            "--privileged" if step["privileged"] else "",
            "--network host",
            f"--entrypoint {step['entryPoint']} --name {step['id']}-{run.id}",
            f"--volume {workspace}:/workspace --volume {docker_socket}:/var/run/docker.sock --volume {home}:/root",
            *beside,
            "--env HOME=/root",
            *(f"--env {each}" for each in step["env"]),
            "" if step["disableWorkingDirectoryOverride"] else "--workdir /workspace",
            step["cmd"],
        ]
        return " ".join(filter(None, parts))

    def _run(self, run: PlayedRun, command: str) -> str:
        run.status, run.log = "Running", HEAD.encode()
        printed: list[bytes] = []
        with subprocess.Popen(
            ["/bin/sh", "-c", command],
            env=self._docker.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout
            for line in process.stdout:
                printed.append(line)
                run.log += line
        failed = process.returncode != 0
        run.log += b"2026/01/01 00:01:00 Step ID: build marked as " + (b"failed\n" if failed else b"successful\n")
        run.status, run.message = ("Failed", "failed to run step ID: build") if failed else ("Succeeded", "")
        return b"".join(printed).decode()


def run_bare(step: Mapping[str, Any], stand_ins: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """The step's module in this Python, without a container."""
    _, *arguments = step["cmd"].split(" ")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("IDENTITY_", "AZURE_"))}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**kept, **environment_of(step), **stand_ins},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
