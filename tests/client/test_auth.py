"""Credentials are found by address: a cloud's signer, the user's own server's token, or the given token."""

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from boatyard_client import auth
from boatyard_client.endpoint import Endpoint, find_endpoint, user_file
from boatyard_client.errors import ConfigError
from tests.client.own_server import own_server
from tests.client.trees import make


class Point:
    def __init__(self, name: str, answer: object) -> None:
        self.name = name
        self._answer = answer

    def load(self) -> object:
        def find(url: str, *, named: bool) -> object:
            self.named = named
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return find


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Point]]:
    found: list[Point] = []
    monkeypatch.setattr(auth, "entry_points", lambda group: found if group == "boatyard.auth" else [])
    yield found


def test_the_first_that_claims_the_address_is_asked(points: list[Point]) -> None:
    mine = httpx.BasicAuth("a", "b")
    points += [Point("z", httpx.BasicAuth("z", "z")), Point("b", mine), Point("a", None)]
    assert auth.find_auth(Endpoint("https://boatyard.example.com", "test")) is mine
    assert isinstance(auth.find_auth(Endpoint("http://127.0.0.1:8000", "test")), auth.BearerToken)


def test_it_is_told_whether_the_person_named_the_address(points: list[Point], folder: Path) -> None:
    """Not who wrote a project's file, and of several the variable."""
    points.append(Point("cloud", None))
    far, project = "https://boatyard.example.com", str(folder / "boatyard.toml")
    variable = {**AT_HOME, "BOATYARD_URL": f"{far}/"}
    for endpoint, environ, expected in (
        (Endpoint(far, "BOATYARD_URL"), variable, True),
        (Endpoint(far, "--url", explicit=True), AT_HOME, True),
        (Endpoint(far, str(user_file(AT_HOME))), AT_HOME, True),
        (Endpoint(far, project), AT_HOME, False),
        (Endpoint(f"{far}:8443", "--url", explicit=True), variable, False),
        (Endpoint(far.replace("https", "http"), "--url", explicit=True), variable, False),
    ):
        assert auth.find_auth(endpoint, environ=environ) is None
        assert points[0].named is expected, endpoint


def test_without_any_there_are_no_credentials(points: list[Point]) -> None:
    assert auth.find_auth(Endpoint("https://boatyard.example.com", "test")) is None


def test_one_that_breaks_is_named(points: list[Point]) -> None:
    points.append(Point("cloud", RuntimeError("not signed in")))
    with pytest.raises(ConfigError, match=r"credentials for https://x.example.com \(cloud\): not signed in"):
        auth.find_auth(Endpoint("https://x.example.com", "test"))


def test_the_group_is_one_that_distributions_can_name() -> None:
    assert auth.GROUP == "boatyard.auth" and list(importlib.metadata.entry_points(group=auth.GROUP)) is not None


URL = "http://127.0.0.1:1234"
AT_HOME = {"XDG_CONFIG_HOME": "/nowhere"}


def sent(found: httpx.Auth | None, *refused: str) -> list[str]:
    """Sends one request to a server that refuses some credentials. Returns the Authorization headers that it
    received."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization", ""))
        return httpx.Response(401 if seen[-1] in refused else 200)

    with httpx.Client(auth=found, transport=httpx.MockTransport(answer)) as http:
        http.get(URL)
    return seen


def test_the_token_of_ones_own_server_is_sent_to_it_and_to_no_other(folder: Path) -> None:
    (folder / "deep").mkdir()
    with own_server(folder, URL, token="mine"):
        for origin in ("--url", "BOATYARD_URL", "server.json"):
            found = auth.find_auth(Endpoint(URL, origin), environ=AT_HOME, folder=folder / "deep")
            assert sent(found) == ["Bearer mine"]
        for other in ("http://127.0.0.1:1235", "http://localhost:1234", "https://127.0.0.1:1234"):
            assert sent(auth.find_auth(Endpoint(other, "--url"), environ=AT_HOME, folder=folder)) == [""], other
    assert sent(auth.find_auth(Endpoint(URL, "--url"), environ=AT_HOME, folder=folder)) == [""], "it has ended"


def test_a_server_that_was_started_again_is_given_its_new_token(folder: Path) -> None:
    with own_server(folder, URL, token="old"):
        found = auth.find_auth(Endpoint(URL, "--url"), environ=AT_HOME, folder=folder)
        (folder / ".boatyard" / "token").write_text("new")
        assert sent(found, "Bearer old") == ["Bearer old", "Bearer new"]
        assert sent(found) == ["Bearer new"]
        assert sent(found, "Bearer new") == ["Bearer new"], "a token that stays is not sent twice"


def test_a_named_token_goes_with_the_address_that_the_same_person_named(folder: Path) -> None:
    far, token = "https://boatyard.example.com", {"BOATYARD_TOKEN": "given", **AT_HOME}
    named = {**token, "BOATYARD_URL": far}
    assert sent(auth.find_auth(Endpoint(far, "BOATYARD_URL"), environ=named)) == ["Bearer given"]
    assert sent(auth.find_auth(Endpoint(far, "--url", explicit=True), environ=token)) == ["Bearer given"]
    assert sent(auth.find_auth(Endpoint(far, str(user_file(token))), environ=token)) == ["Bearer given"]
    for other in ("https://boatyard.example.com.evil.example", "https://boatyard.example.com:8443"):
        assert auth.find_auth(Endpoint(other, "--url", explicit=True), environ=named) is None, other
    project = Endpoint("https://project.example.com", str(folder / "boatyard.toml"))
    assert auth.find_auth(project, environ=token) is None


def test_a_token_is_not_sent_where_others_can_read_it() -> None:
    plain = Endpoint("http://boatyard.example.com", "--url", explicit=True)
    with pytest.raises(ConfigError, match="not sent over plain http"):
        auth.find_auth(plain, environ={"BOATYARD_TOKEN": "given", **AT_HOME})


@pytest.mark.parametrize("token", ["two words", "a\nb", "ü", "\x7f"])
def test_what_no_header_can_carry_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(ConfigError, match="BOATYARD_TOKEN is not a token") as caught:
        auth.find_auth(Endpoint(URL, "--url", explicit=True), environ={"BOATYARD_TOKEN": token, **AT_HOME})
    assert token not in str(caught.value)


def test_a_token_file_has_to_be_ones_own(folder: Path) -> None:
    file = folder / "token"
    file.write_text("filed\n")
    variables = {"BOATYARD_TOKEN_FILE": str(file), "BOATYARD_URL": URL, **AT_HOME}
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read it"):
        auth.find_auth(Endpoint(URL, "BOATYARD_URL"), environ=variables)
    file.chmod(0o600)
    assert sent(auth.find_auth(Endpoint(URL, "BOATYARD_URL"), environ=variables)) == ["Bearer filed"]


def test_a_token_is_not_shown(folder: Path) -> None:
    found = auth.find_auth(Endpoint(URL, "--url", explicit=True), environ={"BOATYARD_TOKEN": "given", **AT_HOME})
    assert "given" not in repr(found) and "given" not in repr(httpx.Headers({"authorization": "Bearer given"}))


def test_a_folder_that_came_from_elsewhere_brings_no_server(folder: Path) -> None:
    """The folder as `git clone` or `tar` creates it: everything except a process that holds the lock."""
    for mode in (0o644, 0o600):
        make(folder, {".boatyard": {"server.json": f'{{"url": "{URL}"}}'.encode(), "token": b"t", "server.lock": b""}})
        for path in (folder / ".boatyard").iterdir():
            path.chmod(mode)
        assert find_endpoint(environ=AT_HOME, folder=folder) is None
        assert sent(auth.find_auth(Endpoint(URL, "--url"), environ=AT_HOME, folder=folder)) == [""]
    with own_server(folder, "https://evil.example.com", token="t"):
        assert find_endpoint(environ=AT_HOME, folder=folder) is None
