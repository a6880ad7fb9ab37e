"""The settings of the real BuildKit and registry that `make test` starts."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from boatyard.job import BuildJob, JobResult
from boatyard.reference import Reference
from boatyard.settings import Settings
from boatyard_buildkit import outbox
from boatyard_registry import DockerConfigKeychain, OciRegistry
from tests.buildkit import jobs

ROOT = Path(__file__).parents[2]


def keychain(settings: Settings) -> DockerConfigKeychain:
    """Signs in to the engine's registry, as its jobs do."""
    return DockerConfigKeychain.of_folder(Path(settings.buildkit.docker_config))


class Engine:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = msgspec.toml.decode(path.read_bytes(), type=Settings)
        self.registry = OciRegistry(keychain=keychain(self.settings), insecure=self.settings.insecure_registries)
        self.host = Reference.parse(f"{self.settings.default_repository}/x").repository.host
        rules = [rule.image for rule in self.settings.base_images if rule.match.startswith(("python:3.11", "python:3"))]
        self.base = rules[0] if rules else "python:3.11-slim"

    def job(self, layers: list[dict[str, Any]] | None = None, **options: Any) -> BuildJob:
        """Makes the job of a spec with the engine's settings; see `jobs.make`."""
        options = {"settings": self.settings, "base": self.base} | options
        job = jobs.make(layers, **options)
        return msgspec.structs.replace(job, base_images=() if options.get("dockerfile") else (options["base"],))

    def start(
        self, job: BuildJob, out: Path, *, secrets: Path | None = None, cache: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """`cache` is a folder that jobs share; without it, the job's machine is empty."""
        out.mkdir(parents=True, exist_ok=True)
        path = out / "job.json"
        path.write_bytes(msgspec.json.encode(job))
        command = [sys.executable, "-m", "boatyard_buildkit", "--job", str(path), "--out", str(out)]
        command += ["--buildkit", str(self.path)]
        if secrets:
            command += ["--secrets", str(secrets)]
        if cache:
            command += ["--cache", str(cache)]
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})

    def build(self, job: BuildJob, out: Path, **options: Any) -> JobResult:
        """Runs the job to its end, as a runner does."""
        self.start(job, out, **options).wait(600)
        result = outbox.read_result(out)
        assert result is not None
        return result


def log_of(out: Path) -> str:
    lines: list[str] = []
    offset = 0
    while (page := outbox.read_log(out, offset)).lines:
        lines += [line.line for line in page.lines]
        offset = page.offset
    return "\n".join(lines)
