"""`boatyard secret`: logins from Docker's configuration or from name and password, listed and deleted."""

import base64
import json
import stat
from pathlib import Path

import pytest

from boatyard.ports import KnownSecret, Scope
from tests.client.commands import boatyard
from tests.client.service import MemoryService

HERE = Scope("default", "development")


@pytest.fixture(autouse=True)
def configured(service: MemoryService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOATYARD_URL", service.url)


def entry(login: str) -> dict[str, str]:
    return {"auth": base64.b64encode(login.encode()).decode()}


def stored(service: MemoryService, name: str) -> dict[str, dict[str, str]]:
    secret = service.secrets._secrets[HERE, name]
    assert secret.kind == "image_pull"
    found: dict[str, dict[str, str]] = json.loads(secret.value)["auths"]
    return found


@pytest.fixture
def docker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DOCKER_CONFIG folder with a file login, a helper for one host and a store for the rest."""
    config = folder / "docker"
    config.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    programs = folder / "bin"
    programs.mkdir()
    for name, answers in (
        ("vault", {"helped.example.com": {"Username": "helper", "Secret": "hunter2-helper"}}),
        ("keychain", {"token.example.com": {"Username": "<token>", "Secret": "hunter2-token"}}),
    ):
        program = programs / f"docker-credential-{name}"
        program.write_text(
            "#!/usr/bin/env python3\nimport json, sys\nserver = sys.stdin.read().strip()\n"
            f"answers = {answers!r}\n"
            "if server not in answers:\n    print('credentials not found in native keychain'); sys.exit(1)\n"
            "print(json.dumps({'ServerURL': server, **answers[server]}))\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin:/usr/local/bin")
    document = {
        "auths": {"ghcr.io": entry("me:hunter2-file"), "https://index.docker.io/v1/": entry("hub:hunter2-hub")},
        "credHelpers": {"helped.example.com": "vault"},
        "credsStore": "keychain",
    }
    (config / "config.json").write_text(json.dumps(document))
    return config


def test_logins_come_from_files_helpers_and_stores(docker: Path, service: MemoryService) -> None:
    hosts = "ghcr.io,helped.example.com"
    done = boatyard(
        *("secret", "create", "all", "--type", "image_pull", "--from-docker-config"),
        *("--registries", hosts, "--registries", "docker.io", "--registries", "token.example.com"),
    )
    assert done.code == 0 and "hunter2" not in done.out + done.err
    assert stored(service, "all") == {
        "ghcr.io": entry("me:hunter2-file"),
        "helped.example.com": entry("helper:hunter2-helper"),
        "https://index.docker.io/v1/": entry("hub:hunter2-hub"),
        "token.example.com": {**entry("<token>:"), "identitytoken": "hunter2-token"},
    }


def test_a_registry_without_a_login_is_named_with_those_that_have_one(docker: Path, service: MemoryService) -> None:
    done = boatyard("secret", "create", "x", "--from-docker-config", "--registries", "quay.io")
    assert done.code == 1 and "no login for quay.io" in done.err and "docker login quay.io" in done.err
    assert "ghcr.io" in done.err and "hunter2" not in done.err
    assert service.secrets.list(HERE) == ()


def test_a_helper_that_is_not_installed_or_fails_is_named(docker: Path, service: MemoryService) -> None:
    (docker / "config.json").write_text('{"credHelpers": {"ghcr.io": "nowhere"}}')
    done = boatyard("secret", "create", "x", "--from-docker-config", "--registries", "ghcr.io")
    assert done.code == 1 and "docker-credential-nowhere" in done.err


@pytest.mark.parametrize("text", ["", "[]", "hunter2", '{"auths": ' + "[" * 5000])
def test_a_docker_config_that_is_none_is_refused(text: str, docker: Path, service: MemoryService) -> None:
    (docker / "config.json").write_text(text)
    done = boatyard("secret", "create", "x", "--from-docker-config", "--registries", "ghcr.io")
    assert done.code == 1 and "config.json" in done.err and "hunter2" not in done.err


def test_a_name_and_a_password_from_standard_input(service: MemoryService) -> None:
    done = boatyard(
        *("secret", "create", "ghcr", "--registries", "ghcr.io", "--username", "me", "--password-stdin"),
        stdin="hunter2:x\n",
    )
    assert done.code == 0 and "hunter2" not in done.out + done.err
    assert stored(service, "ghcr") == {"ghcr.io": entry("me:hunter2:x")}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--from-docker-config"],
        ["--username", "me", "--password-stdin"],
        ["--registries", "ghcr.io"],
        ["--registries", "ghcr.io,quay.io", "--username", "me", "--password-stdin"],
        ["--registries", "ghcr.io", "--from-docker-config", "--username", "me"],
        ["--registries", "ghcr.io", "--username", "me"],
        ["--type", "build", "--from-docker-config", "--registries", "ghcr.io"],
        ["--from", "env:X", "--from-docker-config", "--registries", "ghcr.io"],
    ],
)
def test_half_a_login_is_refused_with_what_is_missing(arguments: list[str], service: MemoryService) -> None:
    done = boatyard("secret", "create", "x", *arguments, stdin="hunter2")
    assert done.code == 1 and ("--" in done.err or "one registry" in done.err) and "hunter2" not in done.err
    assert service.secrets.list(HERE) == ()


@pytest.mark.parametrize("options", [[], ["--password-stdin", "--registries", "ghcr.io", "--username", "me"]])
def test_a_value_that_is_given_as_an_argument_is_not_repeated(options: list[str], service: MemoryService) -> None:
    """A CI system's log keeps errors."""
    done = boatyard("secret", "create", "x", *options, "hunter2-argument", stdin="other")
    assert done.code == 1 and "--from" in done.err and "hunter2" not in done.out + done.err
    assert service.secrets.list(HERE) == ()


def test_a_docker_config_as_a_file_is_taken_as_it_is(folder: Path, service: MemoryService) -> None:
    (folder / "pull.json").write_text(json.dumps({"auths": {"ghcr.io": entry("me:x")}}))
    done = boatyard("secret", "create", "x", "--type", "image_pull", "--from", "file:pull.json")
    assert done.code == 0 and stored(service, "x") == {"ghcr.io": entry("me:x")}
    (folder / "pull.json").write_text("{}")
    done = boatyard("secret", "create", "x", "--type", "image_pull", "--from", "file:pull.json")
    assert done.code == 1 and "INVALID_SPEC" in done.err


def test_secrets_are_listed_and_deleted(service: MemoryService) -> None:
    assert "no secrets" in boatyard("secret", "list").err
    boatyard("secret", "create", "one", stdin="x\n")
    boatyard("secret", "create", "two", "--registries", "ghcr.io", "--username", "m", "--password-stdin", stdin="x\n")
    done = boatyard("secret", "list")
    assert done.out == "one  build\ntwo  image_pull\n"
    assert boatyard("secret", "list", "--json").json() == {
        "secrets": [{"name": "one", "kind": "build"}, {"name": "two", "kind": "image_pull"}]
    }
    assert boatyard("secret", "delete", "one").code == 0
    again = boatyard("secret", "delete", "one")
    assert again.code == 1 and "NOT_FOUND" in again.err
    assert service.secrets.list(HERE) == (KnownSecret(name="two", kind="image_pull"),)
