"""Callers of one project cannot read or use another project's builds, images and secrets over the API."""

from typing import Any

import msgspec
import pytest

from boatyard.api import Request
from boatyard.build import Failure, State
from boatyard.job import JobResult
from boatyard.ports import Scope, SecretValue
from boatyard.settings import Access, Caller, Limits
from tests.api.site import SETTINGS, SPEC, Site

PRIVATE = {"spec": SPEC, "registrySecret": "ghcr"}
PULL = SecretValue(kind="image_pull", value=b'{"auths": {"ghcr.io": {"auth": "YTpi"}}}')


def _site(isolation: str = "project") -> Site:
    site = Site(msgspec.structs.replace(SETTINGS, isolation=isolation))
    for project in ("default", "other"):
        site.secrets.put(Scope(project, "development"), "ghcr", PULL)
    return site


def _build(site: Site, order: dict[str, Any]) -> Any:
    _, answer = site.ask("POST", "/v1/builds", order)
    site.finish_as_asked(answer["id"])
    return answer


def test_what_one_project_built_is_not_anothers_answer() -> None:
    """Otherwise a project that spoils its uv cache would provide its image to everyone who requests that spec."""
    site = _site()
    _build(site, {"spec": SPEC, "project": "attacker"})
    status, answer = site.ask("POST", "/v1/builds", {"spec": SPEC, "project": "victim"})
    assert status == 202 and not answer["cached"] and not answer["joined"]
    status, answer = site.ask("POST", "/v1/builds", {"spec": SPEC, "project": "attacker"})
    assert status == 200 and answer["cached"]


@pytest.mark.parametrize("isolation", ["project", "deployment"])
def test_what_a_secret_pulled_is_for_those_who_name_it(isolation: str) -> None:
    site = _site(isolation)
    _build(site, PRIVATE)
    assert site.ask("POST", "/v1/builds", PRIVATE)[1]["cached"]
    for other in ({"spec": SPEC}, {**PRIVATE, "project": "other"}):
        status, answer = site.ask("POST", "/v1/builds", other)
        assert status == 202 and not answer["cached"]


@pytest.mark.parametrize("isolation", ["project", "deployment"])
def test_a_failure_is_held_for_those_who_named_the_same_secret(isolation: str) -> None:
    site = _site(isolation)
    _, answer = site.ask("POST", "/v1/builds", {"spec": SPEC})
    site.runner.begin(answer["id"])
    denied = Failure(code="COMMAND_FAILED", message="m", advice="a")
    site.runner.finish(answer["id"], JobResult(state=State.FAILED, error=denied))
    assert site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["joined"]
    assert site.ask("POST", "/v1/builds", PRIVATE)[0] == 202


POLICY = Access(
    callers=(
        Caller(match="alice", projects=("default/*",)),
        Caller(match="bob", projects=("other/*",)),
        Caller(match="root"),
    )
)
ALICE, BOB, ROOT = "alice", "bob", "root"


def _ask(site: Site, caller: str, method: str, path: str, body: Any = None, **query: str) -> tuple[int, bytes]:
    data = msgspec.json.encode(body) if body is not None else b""
    headers = {"content-type": "application/json"}
    response = site.api.handle(
        Request(method=method, path=path, query=query, headers=headers, body=data, caller=caller)
    )
    return response.status, response.body


def _start(site: Site, caller: str, project: str, number: int) -> str:
    spec = {**SPEC, "layers": [{"commands": {"cmd": [f"echo {number}"]}}]}
    status, body = _ask(site, caller, "POST", "/v1/builds", {"spec": spec, "project": project})
    assert status == 202
    build_id: str = msgspec.json.decode(body)["id"]
    return build_id


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/v1/builds/{}", {}),
        ("GET", "/v1/builds/{}", {"wait": "1"}),
        ("GET", "/v1/builds/{}/logs", {}),
        ("GET", "/v1/builds/{}/logs", {"cursor": "not a cursor"}),
        ("POST", "/v1/builds/{}/cancel", {}),
    ],
)
def test_anothers_build_is_as_one_that_never_was(method: str, path: str, query: dict[str, str]) -> None:
    site = Site(msgspec.structs.replace(SETTINGS, access=POLICY))
    theirs = _start(site, BOB, "other", 1)
    nobodys = "0" * 32 + "-1"
    told = [_ask(site, ALICE, method, path.format(build_id), **query) for build_id in (theirs, nobodys)]
    assert told[0][0] == told[1][0] == 404
    assert told[0][1].replace(theirs.encode(), b"ID") == told[1][1].replace(nobodys.encode(), b"ID")
    state = site.runner.status(theirs)
    assert state and state.state is State.QUEUED, "nothing was cancelled"
    assert _ask(site, BOB, "GET", f"/v1/builds/{theirs}")[0] == 200


def test_pages_are_as_if_others_did_not_build() -> None:
    site = Site(msgspec.structs.replace(SETTINGS, access=POLICY))
    quiet = Site(msgspec.structs.replace(SETTINGS, access=POLICY))
    quiet.service._deployment_key = site.service._deployment_key
    mine, theirs = [], []
    for number in range(7):
        mine.append(_start(site, ALICE, "default", number))
        assert _start(quiet, ALICE, "default", number) == mine[-1]
        theirs += [_start(site, BOB, "other", number * 10 + more) for more in range(3)]
    token = ""
    seen: list[str] = []
    pages = 0
    while token or not pages:
        pages += 1
        busy = _ask(site, ALICE, "GET", "/v1/builds", pageSize="3", pageToken=token)
        assert busy == _ask(quiet, ALICE, "GET", "/v1/builds", pageSize="3", pageToken=token)
        page = msgspec.json.decode(busy[1])
        seen += [build["id"] for build in page["builds"]]
        token = page["nextPageToken"]
        assert not any(build_id in token for build_id in theirs)
        assert len(page["builds"]) == 3 or not token, "a page is full of what there is to see"
    assert seen == mine[::-1] and pages == 3
    everybody = msgspec.json.decode(_ask(site, ROOT, "GET", "/v1/builds", pageSize="500")[1])
    assert len(everybody["builds"]) == 28


def test_a_full_queue_tells_of_nobody_else() -> None:
    settings = msgspec.structs.replace(SETTINGS, access=POLICY, limits=Limits(queued_builds=8))
    site = Site(settings)
    started = 0
    while _ask(site, ALICE, "POST", "/v1/builds", _numbered(started))[0] == 202:
        started += 1
    assert started < 8, "one project does not fill it"
    status, body = _ask(site, BOB, "POST", "/v1/builds", {**_numbered(0), "project": "other"})
    assert status == 202, body
    status, body = _ask(site, ALICE, "POST", "/v1/builds", _numbered(started))
    assert status == 429 and b"other" not in body


def _numbered(number: int) -> dict[str, Any]:
    return {"spec": {**SPEC, "layers": [{"commands": {"cmd": [f"echo {number}"]}}]}}
