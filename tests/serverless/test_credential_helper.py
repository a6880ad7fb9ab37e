"""The credential helper speaks Docker's protocol, and can be installed as a program in any folder."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard_serverless.credential_helper import NOT_FOUND, RegistryLogin, answer, with_helper

HOST = "registry.example.com:5000"


def mint(host: str) -> RegistryLogin | None:
    if host == "denied.example.com":
        raise BoatyardError("REGISTRY_DENIED", "grant it")
    return RegistryLogin("user", "token") if host == HOST else None


def ask(*arguments: str, text: str = "") -> tuple[int, str]:
    out = io.StringIO()
    return answer(mint, arguments, io.StringIO(text), out), out.getvalue()


@pytest.mark.parametrize("server", [HOST, f"https://{HOST}", f"https://{HOST}/v2/", f"{HOST}\n"])
def test_it_gives_the_login_of_a_host(server: str) -> None:
    code, out = ask("get", text=server)
    assert code == 0
    assert json.loads(out) == {"ServerURL": server.strip(), "Username": "user", "Secret": "token"}


def test_docker_goes_on_without_the_login_of_another_registry() -> None:
    assert ask("get", text="ghcr.io") == (1, NOT_FOUND)


def test_a_refusal_is_said_where_docker_reads_it() -> None:
    assert ask("get", text="denied.example.com") == (1, "grant it")


def test_it_keeps_nothing() -> None:
    assert ask("store", text="{}") == ask("erase", text="x") == (0, "")
    assert ask("list") == (0, "{}")


@pytest.mark.parametrize("arguments", [(), ("help",), ("get", "more")])
def test_anything_else_is_no_verb(arguments: tuple[str, ...]) -> None:
    code, out = ask(*arguments)
    assert code == 1 and "get, store, erase, list" in out


def test_a_program_that_is_not_installed_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    folder = tmp_path / "it's here"
    environment = with_helper("docker-credential-made", "platform", folder)
    assert environment["PATH"] == f"{folder}{os.pathsep}/usr/bin:/bin"
    done = subprocess.run(["docker-credential-made"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(sys.platform.capitalize())


def test_one_that_is_installed_is_used(tmp_path: Path) -> None:
    environment = with_helper("sh", "platform", tmp_path / "unused")
    assert environment["PATH"] == os.environ["PATH"] and not (tmp_path / "unused").exists()
