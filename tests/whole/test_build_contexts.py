"""A Dockerfile's context contains the same files as with plain `docker buildx build` of the same folder."""

import os
import socket
from pathlib import Path

import pytest

from boatyard.base_images import effective
from boatyard.spec import parse_spec
from boatyard_client.packing import DockerIgnore, Packer
from tests.whole.yard import Yard

pytestmark = pytest.mark.integration

LISTING = "find /app -printf '%P %y %m %l\\n' | sort > /listing"


def odd(folder: Path) -> Path:
    """Files and links as real users have them beside a Dockerfile."""
    (folder / "priv").mkdir(parents=True)
    for name, mode in {"private": 0o600, "ro": 0o444, "suid": 0o4755, "sgid": 0o2755, "priv/x": 0o640}.items():
        (folder / name).write_text(name)
        (folder / name).chmod(mode)
    for name, mode in {"priv": 0o700, "sticky": 0o1777, "setgid": 0o2775}.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(mode)
    (folder / ".venv/bin").mkdir(parents=True)
    for name, target in {
        "python": "/usr/bin/python3",
        "out": "../outside",
        "gone": "nothing",
        "up": "priv/../ro",
        ".venv/bin/python": "/usr/bin/python3",
    }.items():
        (folder / name).symlink_to(target)
    os.link(folder / "ro", folder / "hard")
    os.mkfifo(folder / "pipe", 0o620)
    (folder / ".git").mkdir()
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    return folder


@pytest.mark.parametrize(
    "copies",
    [
        "COPY . /app/",
        "COPY priv private up /app/\nCOPY sticky /app/sticky/\nADD .venv /app/.venv\nCOPY pi* u* s[ug]* /app/",
    ],
    ids=["everything", "by name"],
)
def test_a_context_arrives_as_with_docker(copies: str, boatyard: Yard, tmp_path: Path) -> None:
    folder = odd(tmp_path / "context")
    text = f"FROM python:3.11-slim\n{copies}\nRUN {LISTING}\n"
    (tmp_path / "Dockerfile").write_text(text)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "socket"))
        tag = f"boatyard-test-{tmp_path.name}".lower()
        base = f"python:3.11-slim=docker-image://{effective('python:3.11-slim', boatyard.settings.base_images)}"
        own = ("--network=host", "--load", "--build-context", base, "-t", tag, "-f", str(tmp_path / "Dockerfile"))
        boatyard.docker.run("buildx", "build", *own, str(folder))
        packer = Packer()
        packer.add_build_context(folder, ignore=DockerIgnore([]))
        spec = {"dockerfile": text}
        contents = packer.read_for(parse_spec(spec))
        assert contents is not None
        outcome = boatyard.client.ensure_image(boatyard.order(spec, context=contents.context), contents)
    assert outcome.image is not None

    def listing(image: str) -> list[str]:
        return boatyard.docker.run("run", "--rm", "--network=none", image, "cat", "/listing").splitlines()

    theirs = listing(tag)
    # Some versions of BuildKit make an empty file of a socket. There is nothing in one to copy.
    assert listing(outcome.image) == [line for line in theirs if not line.startswith("socket ")]
    assert any(line.startswith("suid f 4755") for line in theirs)
