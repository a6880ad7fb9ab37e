"""A stand-in for CodeBuild's container: its unpacked source, a bare Python, and the programs of its image.

What CodeBuild does there is in https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details.html (phases)
and .../build-env-ref-env-vars.html (variables).
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from boatyard_aws.clients import Clients
from tests.aws.codebuild import CodeBuild, write_log
from tests.aws.emulator import unpack


class Container:
    def __init__(self, archive: Path, folder: Path) -> None:
        self.source = unpack(archive, folder / "src")
        python = folder / "python"
        subprocess.run([Path(sys.base_prefix) / "bin" / "python3", "-m", "venv", "--without-pip", python], check=True)
        self.home = folder / "home"
        self.home.mkdir()
        self.programs = [python / "bin"]
        self.variables: dict[str, str] = {}

    def environment(self, given: dict[str, str]) -> dict[str, str]:
        """Only the caller's variables that point to the cloud on loopback."""
        cloud = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "NO_PROXY", "no_proxy"))}
        path = os.pathsep.join([*map(str, self.programs), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
        own = {"HOME": str(self.home), "PATH": path, "CODEBUILD_SRC_DIR": str(self.source)}
        return {**cloud, **own, **self.variables, **given}

    def call(self, command: list[str], given: dict[str, str], **more: Any) -> "subprocess.CompletedProcess[str]":
        """Runs `command` in the folder of the source."""
        return subprocess.run(
            ["/usr/bin/env", *command],  # which finds it in this PATH, not in the caller's
            cwd=self.source,
            env=self.environment(given),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **more,
        )

    def run(self, codebuild: CodeBuild, build_id: str, clients: Clients) -> "subprocess.CompletedProcess[str]":
        """Provisions, runs the command of the buildspec, sends its output to CloudWatch Logs, ends."""
        played = codebuild.of(build_id)
        played.phase = "BUILD"
        command = played.parameters["buildspecOverride"].rpartition("- ")[2].split()
        done = self.call(command, {**played.environment, "CODEBUILD_BUILD_ID": played.id})
        write_log(clients, played, ["[Container] Running command", *done.stdout.splitlines()])
        played.status = "SUCCEEDED" if done.returncode == 0 else "FAILED"
        return done
