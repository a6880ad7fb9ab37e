"""What callers of one project learn and get of another, over the API."""

from typing import Any

import msgspec
import pytest

from boatyard.build import Failure, State
from boatyard.job import JobResult
from boatyard.ports import Scope, SecretValue
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
    """A project that spoils its own uv cache would else have its image given to all who ask for that spec."""
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
    denied = Failure(code="BASE_IMAGE_DENIED", message="m", advice="a")
    site.runner.finish(answer["id"], JobResult(state=State.FAILED, error=denied))
    assert site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["joined"]
    assert site.ask("POST", "/v1/builds", PRIVATE)[0] == 202
