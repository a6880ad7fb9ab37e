"""`docker-credential-boatyard-gcr`, as BuildKit runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from boatyard_buildkit.docker_config import credential_store
from boatyard_gcp.credential import HELPER, login
from boatyard_gcp.registry import is_google_registry
from boatyard_serverless.credential_helper import NOT_FOUND, with_helper
from tests.gcp.metadata_server import MetadataServer


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("europe-west1-docker.pkg.dev", True),
        ("us-docker.pkg.dev", True),
        ("gcr.io", True),
        ("eu.gcr.io", True),
        ("europe-west1-docker.pkg.dev:443", False),
        ("europe-west1-python.pkg.dev", False),
        ("docker.pkg.dev", False),
        ("europe-west1-docker.pkg.dev.evil.example", False),
        ("evil.example/europe-west1-docker.pkg.dev", False),
        ("mirror.gcr.io", False),
        ("ghcr.io", False),
        ("", False),
    ],
)
def test_a_token_is_for_googles_registries_alone(metadata: MetadataServer, host: str, own: bool) -> None:
    assert is_google_registry(host) is own
    found = login(host)
    assert (found is not None) is own
    if found:
        assert found.username == "oauth2accesstoken" and metadata.knows(f"Bearer {found.password}")


def run(host: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = with_helper(HELPER, "boatyard_gcp.credential", folder)
    return subprocess.run([HELPER, "get"], input=host, env=environment, capture_output=True, text=True, check=False)


def test_docker_runs_it(metadata: MetadataServer, tmp_path: Path) -> None:
    done = run("https://europe-west1-docker.pkg.dev/v2/", tmp_path / "one")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["Username"] == "oauth2accesstoken" and metadata.knows(f"Bearer {answer['Secret']}")
    done = run("ghcr.io", tmp_path / "two")
    assert (done.returncode, done.stdout) == (1, NOT_FOUND)


def test_a_machine_without_an_identity_says_so(
    metadata: MetadataServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", "metadata.invalid")
    done = run("us-docker.pkg.dev", tmp_path / "bin")
    assert done.returncode == 1 and "there are no Google credentials" in done.stdout


def test_the_settings_type_google_means_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert credential_store("google") == ""
    program = tmp_path / HELPER
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert credential_store("google") == HELPER.removeprefix("docker-credential-")


def test_it_is_installed_with_the_adapter() -> None:
    assert (Path(sys.executable).parent / HELPER).is_file()
