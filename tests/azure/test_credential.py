"""`docker-credential-boatyard-acr`, as BuildKit runs it."""

import io
import json
import sys
from pathlib import Path

import pytest

from boatyard_azure import credential
from boatyard_azure.credential import HELPER
from boatyard_buildkit.docker_config import credential_store
from boatyard_serverless.credential_helper import NOT_FOUND
from tests.azure.acr import HOST, AcrTransport
from tests.azure.entra import Entra


@pytest.fixture
def ask(acr: AcrTransport, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(credential, "HttpTransport", lambda: acr)

    def asked(host: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", [HELPER, "get"])
        monkeypatch.setattr(sys, "stdin", io.StringIO(host))
        return credential.main(), capsys.readouterr().out

    return asked


@pytest.mark.parametrize("place", ["function", "machine"])
def test_the_login_is_a_refresh_token_of_this_identity(
    ask, acr: AcrTransport, entra: Entra, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:  # type: ignore[no-untyped-def]
    if place == "machine":  # a step of ACR Tasks; it has no azure-identity
        for name in entra.of_a_function:
            monkeypatch.delenv(name, raising=False)
        for name, value in entra.of_a_machine.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, printed = ask(f"https://{HOST}/v2/")
    login = json.loads(printed)
    assert code == 0 and login["Username"] == "<token>", "BuildKit sends it as a refresh token, and not as a password"
    assert login["Secret"] in acr._refresh and acr.exchanges == 1


def test_other_registries_get_nothing(ask, acr: AcrTransport) -> None:  # type: ignore[no-untyped-def]
    for host in ("ghcr.io", f"{HOST}.evil.example", "contoso.azurecr.cn"):
        assert ask(host) == (1, NOT_FOUND)
    assert not acr.asked


def test_a_missing_role_is_said(ask, acr: AcrTransport) -> None:  # type: ignore[no-untyped-def]
    acr.denied = 401
    code, printed = ask(HOST)
    assert code == 1 and "a role is missing" in printed


def test_the_settings_type_azure_means_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert credential_store("azure") == ""
    program = tmp_path / HELPER
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert credential_store("azure") == HELPER.removeprefix("docker-credential-")


def test_it_is_installed_with_the_adapter() -> None:
    assert (Path(sys.executable).parent / HELPER).is_file()
