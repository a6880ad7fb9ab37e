"""The examples run as a reader would run them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from boatyard.settings import Settings
from tests.flyte.conftest import ROOT, variables
from tests.flyte.images import BASE
from tests.flyte.probe import Docker

pytestmark = pytest.mark.integration


def run(command: list[str], server: str, **more: str) -> str:
    env = {**os.environ, **variables(server), "FLYTE_IMAGE_BUILDER": "boatyard", "COLUMNS": "200", **more}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def image_of(out: str) -> str:
    last = out.splitlines()[-1]
    assert last.startswith("image: ")
    return last.removeprefix("image: ")


def test_hello_as_a_script_and_by_the_flyte_command(server: str, docker: Docker) -> None:
    reference = image_of(run([sys.executable, "examples/hello.py"], server))
    inside = docker.look(reference, imports=("cowsay:__name__", "rich:__name__"))
    assert inside.imports == {"cowsay:__name__": "cowsay", "rich:__name__": "rich"}
    assert inside.env["GREETING"] == "built by Boatyard, run by you"
    out = run([str(Path(sys.executable).parent / "flyte"), "build", "examples/hello.py", "env"], server)
    assert reference.partition("@sha256:")[2][:40] in "".join(out.replace("│", "").split())


def test_a_uv_project(server: str, docker: Docker) -> None:
    reference = image_of(run([sys.executable, "examples/uv_project/image.py"], server))
    assert docker.look(reference, imports=("greeter:greet.__name__",)).imports == {"greeter:greet.__name__": "greet"}


def test_a_dockerfile(server: str, docker: Docker, settings: Settings, tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "examples" / "dockerfile", tmp_path / "dockerfile")
    # What FROM names cannot be pulled on every machine; what the engine puts in its place can.
    base = next((rule.image for rule in settings.base_images if rule.match == BASE), BASE)
    text = (folder / "Dockerfile").read_text()
    assert f"FROM {BASE}\n" in text
    (folder / "Dockerfile").write_text(text.replace(BASE, base))
    registry = settings.default_repository
    reference = image_of(run([sys.executable, str(folder / "image.py")], server, FLYTE_IMAGE_REGISTRY=registry))
    assert docker.run("run", "--rm", "--network", "host", reference) == "Hello from a Dockerfile!\n"
