"""The token of a state folder: requests without it are refused, and only its file contains it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from boatyard.api.connect import PATH as GET_IMAGE
from boatyard.api.operations import OPERATIONS
from boatyard_local import server_process
from boatyard_local.state import StateFolder
from boatyard_local.web.bearer import OPEN
from tests.local.servers import ServerProcess, bearer

BUILD = "0" * 32 + "-1"
ASKED = [
    (op.method, op.path.replace("{id}", BUILD).replace("{name}", "n").replace("{reference+}", "127.0.0.1:1/x"))
    for op in OPERATIONS
    if op.path not in OPEN
] + [("POST", GET_IMAGE), ("GET", "/nothing"), ("HEAD", "/v1/builds")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("bearer") / "state") as started:
        yield started


@pytest.mark.parametrize(("method", "path"), ASKED)
@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer no", "Basic {token}", "{token}", "Bearer {token}x"])
def test_nobody_is_answered_without_the_token(server: ServerProcess, method: str, path: str, given: str | None) -> None:
    token = server.authorization.removeprefix("Bearer ")
    headers = {} if given is None else {"authorization": given.format(token=token)}
    answer = httpx.request(method, server.url + path, headers=headers)
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == 'Bearer realm="boatyard"'
    if method != "HEAD" and path != GET_IMAGE:
        assert answer.json()["code"] == "UNAUTHENTICATED" and "BOATYARD_TOKEN_FILE" in answer.json()["detail"]
    if path == GET_IMAGE:
        assert answer.json()["code"] == "unauthenticated"
    assert token not in answer.text


def test_two_tokens_are_none(server: ServerProcess) -> None:
    both = [("authorization", server.authorization), ("authorization", "Bearer no")]
    assert httpx.get(f"{server.url}/v1/builds", headers=both).status_code == 401


@pytest.mark.parametrize("path", sorted(OPEN))
def test_what_says_nothing_of_this_deployment_is_open(server: ServerProcess, path: str) -> None:
    assert httpx.get(server.url + path).status_code == 200


def test_it_lies_in_a_file_of_its_owner_and_nowhere_else(server: ServerProcess) -> None:
    server.build(seconds=0).raise_for_status()
    state = StateFolder(server.state)
    token = state.token.read_text()
    assert len(token) >= 43 and state.token.stat().st_mode & 0o777 == 0o600
    files = [path for path in server.state.rglob("*") if path.is_file() and path != state.token]
    assert not [path for path in files if token.encode() in path.read_bytes()]
    assert token not in server.log
    processes = [path for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [path for path in processes if token.encode() in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


def test_each_start_has_another(tmp_path: Path) -> None:
    """The author of an archive with the folder would know a token in it."""
    with ServerProcess(tmp_path / "state") as server:
        before = bearer(server.state)
        server.kill()
        server.start()
        assert httpx.get(f"{server.url}/v1/builds", headers=before).status_code == 401
        assert server.http.get("/v1/builds").status_code == 200
        assert server_process.find(StateFolder(server.state))


def test_an_upload_is_signed_and_needs_none(server: ServerProcess) -> None:
    announced = {"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "size": 3}
    answer = server.http.post("/v1/contexts", json=announced).json()
    assert httpx.put(answer["uploadUrl"], content=b"abc", headers=answer["headers"]).status_code == 201
