"""The engine of `make test` answers quickly, and its base images match the originals."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from rich.console import Console

from boatyard_local.engine import Engine, ensure
from boatyard_local.engine.model import MadeImage
from tests.buildkit.containers import printed_by

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    yield ensure(console=Console(quiet=True))


def in_image(engine: Engine, image: MadeImage, code: str) -> dict[str, object]:
    ran = printed_by(
        lambda: subprocess.run(
            [engine.docker, "run", "--rm", "--network", "none", image.reference, "python", "-c", code],
            env={**os.environ, **engine.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
    )
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert isinstance(answer, dict)
    return answer


def made(engine: Engine, repository: str) -> MadeImage:
    """Skips images that were pulled instead of made here."""
    found = [image for image in engine.images if repository in image.reference]
    if not found:
        pytest.skip(f"{repository} was not made here: the image it stands for can be pulled")
    return found[0]


def test_a_running_engine_is_found_with_little_work(engine: Engine) -> None:
    """Measures CPU seconds, including those of children: on a loaded machine, the clock would measure other
    processes."""
    begin = _cpu_seconds()
    assert ensure(console=Console(quiet=True)) == engine
    assert _cpu_seconds() - begin < 1


def _cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def test_the_command_prints_one_object(engine: Engine) -> None:
    for command in ("ensure", "status"):
        ran = subprocess.run(
            [sys.executable, "-m", "boatyard_local.engine", command, "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        answer = json.loads(ran.stdout)
        found = answer if command == "ensure" else answer["engine"]
        assert found["registry"] == engine.registry
        assert found["settings"] == str(engine.settings)


def test_the_python_base_behaves_like_the_official_image(engine: Engine) -> None:
    code = """
import json, os, ssl, subprocess, sys, venv, ensurepip
run = lambda *a: subprocess.run(a, capture_output=True, text=True)
print(json.dumps({
    "version": sys.version_info[:2],
    "pip": run("pip", "--version").returncode,
    "managed": run("pip", "install", "--dry-run", "--no-index", "pip").stderr,
    "uid": os.getuid(),
    "cwd": os.getcwd(),
    "lang": os.environ["LANG"],
    "docs": sorted({n for _, _, f in os.walk("/usr/share/doc") for n in f}),
    "unwanted": [p for p in ("/etc/resolv.conf", "/etc/hostname") if os.path.exists(p) and os.path.getsize(p)],
    "lists": os.listdir("/var/lib/apt/lists"),
}))
"""
    answer = in_image(engine, made(engine, "boatyard/python"), code)
    assert answer["version"] == [3, 11]
    assert answer["pip"] == 0
    assert "externally-managed" not in str(answer["managed"])
    assert (answer["uid"], answer["cwd"], answer["lang"]) == (0, "/", "C.UTF-8")
    assert answer["docs"] == ["copyright"]
    assert answer["lists"] == ["partial"]


def test_the_flyte_base_behaves_like_the_released_one(engine: Engine) -> None:
    from importlib import metadata

    code = """
import json, os, pwd, shutil, subprocess, sys
from importlib import metadata
import flyte
print(json.dumps({
    "user": pwd.getpwuid(os.getuid()).pw_name,
    "cwd": os.getcwd(),
    "env": dict(os.environ),
    "prefix": sys.prefix,
    "flyte": metadata.version("flyte"),
    "uv": subprocess.run(["uv", "--version"], capture_output=True, text=True).stdout,
    "root": os.stat("/root").st_uid == os.getuid(),
    "secrets": os.listdir("/run"),
}))
"""
    answer = in_image(engine, made(engine, "boatyard/flyte"), code)
    env = answer["env"]
    assert isinstance(env, dict)
    assert (answer["user"], answer["cwd"], answer["prefix"]) == ("flyte", "/home/flyte", "/opt/venv")
    assert answer["flyte"] == metadata.version("flyte")
    assert str(answer["uv"]).startswith("uv 0.13.4")
    assert answer["root"] is True
    assert env["VIRTUAL_ENV"] == "/opt/venv"
    assert env["PYTHONPATH"] == "/root"
    assert env["UV_LINK_MODE"] == "copy"
    assert env["PATH"].startswith("/opt/venv/bin:")
    assert env["_F_IMG_ID"] == made(engine, "boatyard/flyte").stands_for[0]
    assert "SSL_CERT_FILE" not in env
    assert answer["secrets"] == ["boatyard"] or answer["secrets"] == []
