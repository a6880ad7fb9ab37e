"""Credentials reach the host they are for, and nobody else."""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_registry import Credentials, OciRegistry
from boatyard_registry.challenge import Challenge, parse
from boatyard_registry.client import Retries, retry_after
from boatyard_registry.transport import Answer
from tests.registry.conftest import Lookup, Passwords
from tests.registry.server import PASSWORD, USER, FakeRegistry, Fault, running

AMD64 = ("linux/amd64",)


class Scripted:
    """A transport that answers what the function makes of each request."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.answer = answer
        self.urls: list[str] = []

    def send(self, method: str, url: str, **rest: object) -> Answer:
        self.urls.append(url)
        return self.answer(url)

    def close(self) -> None:
        pass


def answered(status: int, url: str, *, body: bytes = b"", challenge: str = "", **headers: str) -> Answer:
    return Answer(status, headers, body, url, (challenge,) if challenge else ())


@pytest.fixture(params=["basic", "bearer"])
def guarded(request: pytest.FixtureRequest, fake: FakeRegistry) -> FakeRegistry:
    fake.auth = request.param
    fake.add_image("acme/image", "tag")
    return fake


@pytest.fixture
def elsewhere() -> Iterator[FakeRegistry]:
    with running() as other:
        yield other


def test_with_credentials(guarded: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference) -> None:
    assert lookup(keychain=login).find(image, AMD64)
    assert set(login.asked) == {guarded.address}


def test_without_credentials_it_is_denied(guarded: FakeRegistry, lookup: Lookup, image: Reference) -> None:
    with pytest.raises(BoatyardError) as caught:
        lookup().find(image, AMD64)
    assert caught.value.code == "REGISTRY_DENIED"


def test_with_a_wrong_password_it_is_denied_and_not_told(
    guarded: FakeRegistry, lookup: Lookup, image: Reference
) -> None:
    wrong = Passwords(**{guarded.address: Credentials(username=USER, password="wr0ng-w0rd")})
    with pytest.raises(BoatyardError) as caught:
        lookup(keychain=wrong).find(image, AMD64)
    assert caught.value.code == "REGISTRY_DENIED"
    assert "wr0ng" not in str(caught.value)


def test_the_token_is_kept(guarded: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference) -> None:
    registry = lookup(keychain=login)
    registry.find(image, AMD64)
    before = len(guarded.seen)
    registry.find(image, AMD64)
    assert len(guarded.seen) == before + 1


def test_a_token_that_ran_out_early_is_fetched_again(
    fake: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference
) -> None:
    fake.auth = "bearer"
    fake.add_image("acme/image", "tag")
    registry = lookup(keychain=login)
    registry.find(image, AMD64)
    fake.revoked = fake.tokens
    assert registry.find(image, AMD64)


def test_threads_that_are_refused_together_fetch_one_token(
    fake: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference
) -> None:
    fake.auth = "bearer"
    fake.add_image("acme/image", "tag")
    registry = lookup(keychain=login)
    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(lambda _: registry.find(image, AMD64), range(12)))
    assert fake.tokens == 1


def test_an_identity_token_is_exchanged(fake: FakeRegistry, lookup: Lookup, image: Reference) -> None:
    fake.auth = "bearer"
    fake.add_image("acme/image", "tag")
    keychain = Passwords(**{fake.address: Credentials(identity_token="refresh-me")})
    assert lookup(keychain=keychain).find(image, AMD64)


def test_a_token_service_that_is_down_settles_nothing(
    fake: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference
) -> None:
    fake.auth = "bearer"
    fake.faults = [Fault(status=503, path="/token", times=99)]
    with pytest.raises(BoatyardError) as caught:
        lookup(keychain=login).find(image, AMD64)
    assert caught.value.code == "REGISTRY_UNAVAILABLE"


@pytest.mark.parametrize("answer", [b"", b"{}", b"<html>", b'{"token": "a\\nb: c"}', b'{"token": 5}'])
def test_a_token_service_that_talks_nonsense(
    fake: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference, answer: bytes
) -> None:
    fake.auth = "bearer"
    fake.faults = [Fault(status=200, body=answer, path="/token", times=99)]
    with pytest.raises(BoatyardError) as caught:
        lookup(keychain=login).find(image, AMD64)
    assert caught.value.code == "REGISTRY_UNAVAILABLE"


@pytest.mark.parametrize(
    "realm",
    ["http://elsewhere.example/token", "ftp://x/", "https://user@host/", "file:///etc/passwd", "https://", "//x"],
)
def test_a_secure_registry_cannot_send_the_password_anywhere_without_tls(realm: str) -> None:
    transport = Scripted(lambda url: answered(401, url, challenge=f'Bearer realm="{realm}",service="s"'))
    registry = OciRegistry(
        keychain=Passwords(**{"registry.example": Credentials(username="u", password="p")}),
        transport=transport,
        retries=Retries(attempts=1),
    )
    with pytest.raises(BoatyardError) as caught:
        registry.find(Reference.parse("registry.example/x:y"), AMD64)
    assert caught.value.code == "REGISTRY_UNAVAILABLE"
    assert transport.urls == ["https://registry.example/v2/x/manifests/y"]


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_blob_store_gets_no_authorization(
    auth: str, fake: FakeRegistry, elsewhere: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference
) -> None:
    fake.auth = auth
    fake.add_image("acme/image", "tag")
    elsewhere.blobs = fake.blobs
    fake.blob_redirect = f"http://{elsewhere.address}/v2/store/blobs"
    assert lookup(keychain=login).find(image, AMD64)
    assert elsewhere.seen
    assert not [seen for seen in elsewhere.seen if "authorization" in seen.headers]


@pytest.mark.parametrize("location", ["http://plain.example/x", "ftp://x", "//\\x", "https://[x", "file:///etc/passwd"])
def test_a_redirect_away_from_tls_is_not_followed(location: str) -> None:
    transport = Scripted(lambda url: answered(307, url, location=location))
    registry = OciRegistry(transport=transport, retries=Retries(attempts=1))
    with pytest.raises(BoatyardError) as caught:
        registry.find(Reference.parse("registry.example/x:y"), AMD64)
    assert caught.value.code == "REGISTRY_UNAVAILABLE"
    assert all(url.startswith("https://") for url in transport.urls)


def test_redirects_have_an_end() -> None:
    transport = Scripted(lambda url: answered(307, url, location=url))
    with pytest.raises(BoatyardError):
        OciRegistry(transport=transport, retries=Retries(attempts=1)).find(
            Reference.parse("registry.example/x:y"), AMD64
        )
    assert len(transport.urls) == 6


def test_docker_hub_is_asked_at_its_own_address() -> None:
    missing = b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'
    transport = Scripted(lambda url: answered(404, url, body=missing))
    assert OciRegistry(transport=transport).find(Reference.parse("python:3.12"), AMD64) is None
    assert transport.urls == ["https://registry-1.docker.io/v2/library/python/manifests/3.12"]


def test_the_scope_is_that_of_the_repository(
    fake: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference
) -> None:
    fake.auth = "bearer"
    lookup(keychain=login).find(image, AMD64)
    token = next(path for path in fake.paths() if path.startswith("/token"))
    assert "scope=repository%3Aacme%2Fimage%3Apull" in token
    assert PASSWORD not in token
    assert base64.b64encode(PASSWORD.encode()).decode() not in token


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Bearer realm="https://a/b?c=d",service="s, t",scope="x"', [("bearer", "https://a/b?c=d")]),
        ('Basic realm="x", Bearer realm="https://y"', [("basic", "x"), ("bearer", "https://y")]),
        ("Negotiate, Basic realm=plain", [("negotiate", None), ("basic", "plain")]),
        ('Bearer realm="a\\"b"', [("bearer", 'a"b')]),
        ("", []),
        ("=,,=", []),
        ('Bearer realm="unended', [("bearer", None)]),
    ],
)
def test_challenges(header: str, expected: list[tuple[str, str | None]]) -> None:
    found: list[Challenge] = parse([header])
    assert [(challenge.scheme, challenge.parameters.get("realm")) for challenge in found][: len(expected)] == expected


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        (None, 0, 0),
        ("", 0, 0),
        ("7", 7, 7),
        ("-7", 0, 0),
        ("soon", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Fri, 31 Dec 2399 23:59:59 GMT", 10**9, 10**11),
    ],
)
def test_retry_after(value: str | None, low: float, high: float) -> None:
    assert low <= retry_after(value) <= high
