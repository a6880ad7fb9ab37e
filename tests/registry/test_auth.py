"""Credentials are sent only to their own host."""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_registry import Credentials, OciRegistry
from boatyard_registry.auth import check_realm
from boatyard_registry.challenge import Challenge, parse
from boatyard_registry.retries import Retries, retry_after
from boatyard_registry.transport import Answer, Unreachable
from tests.registry.conftest import Lookup, Passwords
from tests.registry.server import PASSWORD, USER, FakeRegistry, Fault, running

AMD64 = ("linux/amd64",)


class Scripted:
    """A transport whose answers are the function's results."""

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


@pytest.mark.parametrize("scheme", ["Bearer realm={realm},service=x", "Basic realm=x"])
def test_a_blob_store_that_asks_for_a_password_is_not_answered(
    scheme: str, fake: FakeRegistry, elsewhere: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference
) -> None:
    """The registry is honest and redirects to a store; the store names its own token service."""
    fake.auth = "bearer"
    fake.add_image("acme/image", "tag")
    fake.blob_redirect = f"http://{elsewhere.address}/v2/store/blobs"
    challenge = scheme.format(realm=f'"http://{elsewhere.address}/token"')
    elsewhere.faults = [Fault(status=401, headers={"www-authenticate": challenge}, path="/blobs/", times=99)]
    registry = lookup(keychain=login, insecure=[fake.address, elsewhere.address])
    with pytest.raises(BoatyardError) as caught:
        registry.find(image, AMD64)
    assert caught.value.code == "REGISTRY_DENIED"
    assert elsewhere.paths(), "the store was asked"
    assert not [seen for seen in elsewhere.seen if "authorization" in seen.headers or seen.path.startswith("/token")]


def test_a_redirect_back_to_the_registry_carries_no_authorization() -> None:
    """Otherwise a store could make the registry act with the caller's password."""
    seen: list[tuple[str, str | None]] = []

    class There:
        def send(self, method: str, url: str, *, headers: dict[str, str], **rest: object) -> Answer:
            seen.append((url, headers.get("authorization")))
            match len(seen):
                case 1:
                    return answered(401, url, challenge="Basic realm=x")
                case 2:
                    return answered(307, url, location="https://store.example/blob")
                case 3:
                    return answered(307, url, location="https://registry.example/v2/other/manifests/x")
            return answered(404, url, body=b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')

        def close(self) -> None:
            pass

    registry = OciRegistry(
        keychain=Passwords(**{"registry.example": Credentials(username="u", password="p")}), transport=There()
    )
    assert registry.find(Reference.parse("registry.example/x:y"), AMD64) is None
    assert [bool(authorization) for _, authorization in seen] == [False, True, False, False]


def test_a_token_service_that_sends_elsewhere_is_not_followed(
    fake: FakeRegistry, elsewhere: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference
) -> None:
    fake.auth = "bearer"
    location = f"http://{elsewhere.address}/token"
    fake.faults = [Fault(status=307, headers={"location": location}, path="/token", times=99)]
    with pytest.raises(BoatyardError):
        lookup(keychain=login, insecure=[fake.address, elsewhere.address]).find(image, AMD64)
    assert not elsewhere.seen


@pytest.mark.parametrize(
    ("host", "realm", "allowed"),
    [
        # As registries really do it.
        ("docker.io", "https://auth.docker.io/token", True),
        ("ghcr.io", "https://ghcr.io/token", True),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
        ("nvcr.io", "https://nvcr.io/proxy_auth", True),
        ("harbor.example", "https://core.harbor.example/service/token", True),
        ("acme.azurecr.io", "https://acme.azurecr.io/oauth2/token", True),
        ("127.0.0.1:5000", "http://127.0.0.1:5001/token", True),
        ("plain.example", "http://plain.example/token", True),
        ("plain.example", "https://plain.example/token", True),
        ("plain.example", "http://127.0.0.1:5000/token", True),
        # A password over TLS does not go out in plain.
        ("ghcr.io", "http://ghcr.io/token", False),
        ("ghcr.io", "http://127.0.0.1:5000/token", False),
        # What came in plain may be anybody's: it names nobody else.
        ("plain.example", "http://evil.example/token", False),
        ("plain.example", "https://evil.example/token", False),
        ("127.0.0.1:5000", "https://evil.example/token", False),
        # No URLs of token services.
        ("ghcr.io", "https://ghcr.io@evil.example/token", False),
        ("ghcr.io", "https://ghcr.io/token#x", False),
        ("ghcr.io", "https://ghcr.io/to ken\r\nx: y", False),
        ("ghcr.io", "https://ghcr.io/" + "x" * 3_000, False),
        ("ghcr.io", "https://[ghcr.io/token", False),
        ("ghcr.io", "https://ghcr.io:x/token", False),
    ],
)
def test_where_a_registry_may_have_its_password_sent(host: str, realm: str, allowed: bool) -> None:
    insecure = ("127.0.0.1:5000", "plain.example")
    if allowed:
        check_realm(realm, host, insecure)
    else:
        with pytest.raises(Unreachable, match="may not send a password"):
            check_realm(realm, host, insecure)


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
