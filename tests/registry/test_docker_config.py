import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard_registry import Anonymous, Chain, Credentials, DockerConfigKeychain


def parse(document: Any, *, run_helpers: bool = False) -> DockerConfigKeychain:
    return DockerConfigKeychain.parse(json.dumps(document).encode(), source="the config", run_helpers=run_helpers)


def auth(pair: str) -> dict[str, str]:
    return {"auth": base64.b64encode(pair.encode()).decode()}


@pytest.mark.parametrize(
    ("server", "host"),
    [
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("https://ghcr.io/v2/", "ghcr.io"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
    ],
)
def test_servers_are_hosts_however_they_are_spelt(server: str, host: str) -> None:
    keychain = parse({"auths": {server: auth("user:pass:word")}})
    assert keychain.resolve(host) == Credentials(username="user", password="pass:word")
    assert keychain.resolve("other.example") is None
    assert keychain.resolve(host + ".example") is None


def test_every_form_of_credentials() -> None:
    keychain = parse(
        {
            "auths": {
                "a.example": {"username": "u", "password": "p"},
                "b.example": {"identitytoken": "t", **auth("u:")},
                "c.example": {},
            },
            "HttpHeaders": {"x": "y"},
        }
    )
    assert keychain.resolve("a.example") == Credentials(username="u", password="p")
    assert keychain.resolve("b.example") == Credentials(username="u", identity_token="t")
    assert keychain.resolve("c.example") is None


@pytest.mark.parametrize("document", [b"", b"no", b"[]", b'{"auths": 5}', b'{"auths": {"x": {"auth": 5}}}', b"\xff"])
def test_what_is_no_config_is_refused_without_being_quoted(document: bytes) -> None:
    with pytest.raises(BoatyardError) as caught:
        DockerConfigKeychain.parse(document, source="the secret pull")
    assert caught.value.detail.startswith("the secret pull is not a Docker config")


@pytest.mark.parametrize("value", ["???", "/w=="])
def test_an_auth_that_cannot_be_read_is_a_refusal(value: str) -> None:
    with pytest.raises(BoatyardError) as caught:
        parse({"auths": {"a.example": {"auth": value}}}).resolve("a.example")
    assert caught.value.code == "REGISTRY_DENIED"


def test_a_folder_without_a_config_knows_nobody(tmp_path: Path) -> None:
    assert DockerConfigKeychain.of_folder(tmp_path).resolve("a.example") is None


def test_a_chain_asks_in_order() -> None:
    first, second = parse({"auths": {"a.example": auth("a:1")}}), parse({"auths": {"b.example": auth("b:2")}})
    chain = Chain(Anonymous(), first, second)
    assert chain.resolve("b.example") == Credentials(username="b", password="2")
    assert chain.resolve("c.example") is None


def test_credentials_do_not_show_themselves() -> None:
    assert "hunter2" not in repr(Credentials(username="u", password="hunter2", identity_token="hunter2"))


class TestHelpers:
    @pytest.fixture(autouse=True)
    def helpers(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = tmp_path
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def write(self, name: str, script: str) -> None:
        path = self.folder / f"docker-credential-{name}"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def test_a_helper_is_asked_for_its_host(self) -> None:
        self.write("mine", 'read host; echo "{\\"Username\\": \\"$1-$host\\", \\"Secret\\": \\"s\\"}"')
        keychain = parse({"credHelpers": {"a.example": "mine"}}, run_helpers=True)
        assert keychain.resolve("a.example") == Credentials(username="get-a.example", password="s")
        assert keychain.resolve("b.example") is None

    def test_a_store_is_asked_for_every_host_without_credentials(self) -> None:
        self.write("all", 'echo "{\\"Username\\": \\"<token>\\", \\"Secret\\": \\"t\\"}"')
        keychain = parse({"credsStore": "all", "auths": {"b.example": auth("u:p")}}, run_helpers=True)
        assert keychain.resolve("a.example") == Credentials(identity_token="t")
        assert keychain.resolve("b.example") == Credentials(username="u", password="p")

    def test_a_config_that_a_user_sent_starts_no_program(self) -> None:
        self.write("evil", f"touch {self.folder}/started")
        keychain = parse({"credsStore": "evil", "credHelpers": {"a.example": "evil"}})
        assert keychain.resolve("a.example") is None
        assert not (self.folder / "started").exists()

    def test_nothing_stored_is_no_error(self) -> None:
        self.write("none", "echo 'credentials not found in native keychain'; exit 1")
        assert parse({"credsStore": "none"}, run_helpers=True).resolve("a.example") is None

    @pytest.mark.parametrize("script", ["exit 1", "echo no json", "echo '[]'"])
    def test_a_helper_that_fails_settles_nothing(self, script: str) -> None:
        self.write("bad", script)
        with pytest.raises(BoatyardError) as caught:
            parse({"credsStore": "bad"}, run_helpers=True).resolve("a.example")
        assert caught.value.code == "REGISTRY_UNAVAILABLE"

    @pytest.mark.parametrize("name", ["absent", "../evil", "a b", "-x"])
    def test_a_helper_that_is_not_there_or_no_name(self, name: str) -> None:
        with pytest.raises(BoatyardError) as caught:
            parse({"credsStore": name}, run_helpers=True).resolve("a.example")
        assert caught.value.code == "REGISTRY_UNAVAILABLE"

    def test_a_helper_that_hangs_is_ended_in_the_look_ups_time(self) -> None:
        self.write("slow", "exec sleep 30")
        with pytest.raises(BoatyardError) as caught:
            parse({"credsStore": "slow"}, run_helpers=True).resolve("a.example", seconds=0.2)
        assert "did not answer" in caught.value.detail
