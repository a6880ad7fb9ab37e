"""A job that is started without BuildKit, as a process: it makes what needs none, and leaves the rest by name."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.job import JobResult
from boatyard_buildkit import outbox
from tests.buildkit import jobs
from tests.buildkit.engine import log_of
from tests.layers.test_base import push
from tests.registry.server import FakeRegistry, running


def run(fake: FakeRegistry, folder: Path, platform: str = "linux/amd64") -> tuple[JobResult, str]:
    for architecture in ("amd64", "arm64"):
        (folder / f"uv-{architecture}").write_text("uv")
    settings = msgspec.structs.replace(
        jobs.SETTINGS,
        layers="registry",
        default_repository=f"{fake.address}/acme/images",
        insecure_registries=(fake.address,),
        uv=msgspec.structs.replace(jobs.SETTINGS.uv, directory=str(folder)),
    )
    layers = [{"env": {"envVariables": {"A": "1"}}}]
    job = jobs.make(layers, settings=settings, base=f"{fake.address}/acme/base:v1", platform=(platform,))
    (folder / "job.json").write_bytes(msgspec.json.encode(job))
    command = [sys.executable, "-m", "boatyard_buildkit", "--without-buildkit"]
    subprocess.run([*command, f"--job={folder / 'job.json'}", f"--out={folder / 'out'}"], timeout=60, check=False)
    result = outbox.read_result(folder / "out")
    assert result
    return result, log_of(folder / "out")


@pytest.mark.parametrize("opened", [True, False])
def test_a_base_decides_whether_it_can_be_opened(opened: bool, tmp_path: Path) -> None:
    with running() as fake:
        push(fake, {"opt/venv/bin/python" if opened else "usr/bin/perl": b"python", "etc/passwd": b""})
        result, log = run(fake, tmp_path)
    if opened:
        assert result.state == "SUCCEEDED", log
        return
    # What a runner hands over to a job with BuildKit.
    assert result.error and result.error.code == "UNSUPPORTED"
    reason = "the base image has no /opt/venv/bin/python, and its PATH has no Python"
    assert f"uv and the virtual environment goes to BuildKit: {reason}" in log


def test_a_whole_image_is_refused_on_a_platform_whose_commands_cannot_run(tmp_path: Path) -> None:
    def lose_a_layer(manifest: dict[str, Any], config: dict[str, Any]) -> None:
        config["rootfs"]["diff_ids"].clear()

    with running() as fake:
        push(fake, {"opt/venv/bin/python": b"python"}, architecture="arm64", edit=lose_a_layer)
        result, _ = run(fake, tmp_path, "linux/arm64")
    assert result.error and result.error.code == "UNSUPPORTED"
    assert "and its configuration differ; making the whole image needs commands on linux/arm64" in result.error.message
