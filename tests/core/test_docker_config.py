"""Docker config JSON: valid image_pull secrets, and refusals that do not quote the value."""

import base64

import pytest

from boatyard import docker_config
from boatyard.docker_config import Login
from boatyard.errors import BoatyardError
from boatyard.ports import Scope, SecretValue
from tests.api.site import Site

DEEP = b'{"auths": {"a": ' + b"[" * 10_000
"""Deeper than a reader of JSON goes."""
LOGIN = base64.b64encode(b"me:hunter2").decode()


@pytest.mark.parametrize(
    "value",
    [
        b"hunter2",
        b"{}",
        b'{"auths": {}}',
        b'{"auths": 3}',
        b'{"auths": {"ghcr.io": {}}}',
        b'{"auths": {"ghcr.io": {"auth": "hunter2"}}}',
        b'{"auths": {"ghcr.io": {"auth": "aHVudGVyMg=="}}}',
        b'{"auths": {"ghcr.io": {"username": "hunter2"}}}',
        b'{"credsStore": "desktop", "auths": {"ghcr.io": {}}}',
        b"\xff",
        DEEP,
    ],
)
def test_what_holds_no_login_is_refused_without_quoting_it(value: bytes) -> None:
    with pytest.raises(BoatyardError) as refused:
        docker_config.check(value, field="value")
    assert refused.value.code == "INVALID_SPEC" and "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "entry",
    [
        f'{{"auth": "{LOGIN}"}}',
        '{"username": "me", "password": "hunter2"}',
        '{"auth": "PHRva2VuPjo=", "identitytoken": "hunter2"}',
    ],
)
def test_a_login_is_taken(entry: str) -> None:
    docker_config.check(f'{{"auths": {{"ghcr.io": {entry}}}}}'.encode(), field="value")


@pytest.mark.parametrize(
    ("entry", "pair"),
    [
        (Login(auth=LOGIN), ("me", "hunter2")),
        (Login(auth=f"{LOGIN[:4]}\r\n{LOGIN[4:]}"), ("me", "hunter2")),
        (Login(auth=base64.b64encode(b"me:a:b\0\0").decode()), ("me", "a:b")),
        (Login(auth=LOGIN, username="another", password="another"), ("me", "hunter2")),
        (Login(username="me", password="hunter2"), ("me", "hunter2")),
        (Login(auth=base64.b64encode(b"me").decode()), None),
        (Login(auth=base64.b64encode(b"\xff:").decode()), None),
        (Login(auth="!" + LOGIN), None),
    ],
)
def test_a_login_is_read_as_docker_reads_it(entry: Login, pair: tuple[str, str] | None) -> None:
    assert entry.pair() == pair and "hunter2" not in repr(entry)


@pytest.mark.parametrize(
    ("server", "host"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("GHCR.io/acme", "ghcr.io"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
    ],
)
def test_every_spelling_of_a_server_is_one_host(server: str, host: str) -> None:
    assert docker_config.host_of(server) == host


def test_what_is_encoded_holds_the_logins_under_docker_s_names() -> None:
    logins = {"docker.io": docker_config.login("me", "a:b"), "ghcr.io": docker_config.login("x", "y")}
    made = docker_config.encode(logins)
    assert made == '{"auths":{"https://index.docker.io/v1/":{"auth":"bWU6YTpi"},"ghcr.io":{"auth":"eDp5"}}}'
    docker_config.check(made.encode(), field="value")


def test_the_service_stores_no_pull_secret_without_a_login() -> None:
    site, scope = Site(), Scope("default", "development")
    with pytest.raises(BoatyardError, match="Docker config"):
        site.service.put_secret(scope, "pull", SecretValue(kind="image_pull", value=b"hunter2"))
    assert site.secrets.list(scope) == ()
