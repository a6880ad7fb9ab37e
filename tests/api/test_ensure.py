"""POST /v1/builds answers from the registry, joins a build or starts one, and never guesses."""

from typing import Any

import msgspec
import pytest

from boatyard.build import Failure, Image, State
from boatyard.errors import BoatyardError
from boatyard.job import JobResult
from boatyard.reference import Reference
from boatyard.settings import Limits
from tests.api.site import SETTINGS, SPEC, Site

DIGEST = "sha256:" + "d" * 64
CONTEXT_SPEC = {**SPEC, "layers": [{"copyConfig": {"src": "0/app", "dst": "."}}]}


def push(site: Site, order: Any, *platforms: str, key: str | None = "") -> Image:
    """Pushes an image as a build of the order does, or with another label, as another writer might."""
    plan = site.ask("POST", "/v1/plans", order)[1]
    reference = Reference.parse(plan["target"])
    image = Image(
        reference=str(reference.at(DIGEST)),
        digest=DIGEST,
        platforms=platforms or ("linux/amd64",),
        key=plan["key"] if key == "" else key,
    )
    site.registry.push(reference, image)
    return image


PULL = '{"auths": {"registry.example.com": {"auth": "bWU6cHc="}}}'


def failed() -> JobResult:
    error = Failure(code="PACKAGE_NOT_FOUND", message="there is no six2", advice="Check its name.", layer_index=0)
    return JobResult(state=State.FAILED, error=error)


def test_an_image_that_is_there_is_the_answer_and_nothing_starts() -> None:
    site = Site()
    image = push(site, {"spec": SPEC})
    status, answer = site.ask("POST", "/v1/builds", {"spec": SPEC})
    assert (status, answer["state"], answer["cached"], answer["image"]) == (200, "SUCCEEDED", True, image.reference)
    assert site.ask("GET", "/v1/builds")[1]["builds"] == []


@pytest.mark.parametrize("label", [None, "f" * 64])
def test_an_image_without_the_keys_label_is_not_the_answer(label: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """Everyone who may push to the repository can push any image under this tag."""
    site = Site()
    push(site, {"spec": SPEC}, key=label)
    status, answer = site.ask("POST", "/v1/builds", {"spec": SPEC})
    assert (status, answer["cached"]) == (202, False)
    assert "io.boatyard.key" in caplog.text and DIGEST in caplog.text, "whose it is, is somebody's to find out"
    image = site.finish_as_asked(answer["id"])
    status, answer = site.ask("POST", "/v1/builds", {"spec": SPEC})
    assert (status, answer["cached"], answer["image"]) == (200, True, image.reference)


def test_an_image_without_the_keys_label_that_cannot_be_replaced_is_told_before_anything_starts() -> None:
    site = Site()
    push(site, {"spec": SPEC}, key=None)
    site.registry.immutable = True
    status, problem = site.ask("POST", "/v1/builds", {"spec": SPEC})
    assert (status, problem["code"]) == (409, "TAG_IMMUTABLE")
    assert "io.boatyard.key" in problem["detail"] and "delete it" in problem["advice"]
    assert site.ask("GET", "/v1/builds")[1]["builds"] == []


def test_an_image_of_another_platform_is_not_there() -> None:
    site = Site()
    order = {"spec": {**SPEC, "platform": ["linux/amd64", "linux/arm64"]}}
    push(site, order, "linux/amd64")
    assert site.ask("POST", "/v1/builds", order)[0] == 202


def test_a_build_is_started_once_and_joined_after() -> None:
    site = Site()
    first = site.send("POST", "/v1/builds", {"spec": SPEC})
    status, second = site.ask("POST", "/v1/builds", {"spec": SPEC})
    started = msgspec.json.decode(first.body)
    assert (first.status, started["joined"]) == (202, False)
    assert first.headers["location"] == f"/v1/builds/{started['id']}"
    assert (status, second["joined"], second["id"]) == (202, True, started["id"])
    assert started["id"].endswith("-1")


def test_one_key_for_two_places_or_two_projects_is_two_builds() -> None:
    site = Site(msgspec.structs.replace(SETTINGS, isolation="deployment"))
    orders = [
        {"spec": SPEC},
        {"spec": SPEC, "target": {"name": "other"}},
        {"spec": SPEC, "target": {"registry": "ghcr.io/acme"}},
        {"spec": SPEC, "project": "other"},
        {"spec": SPEC, "domain": "production"},
    ]
    answers = [site.ask("POST", "/v1/builds", order)[1] for order in orders]
    assert len({answer["key"] for answer in answers}) == 1
    assert len({answer["id"] for answer in answers}) == len(orders)
    assert not any(answer["joined"] for answer in answers)


def test_force_passes_the_registry_by_but_joins_what_runs() -> None:
    site = Site()
    push(site, {"spec": SPEC})
    status, answer = site.ask("POST", "/v1/builds", {"spec": SPEC, "force": True})
    assert (status, answer["cached"]) == (202, False)
    assert site.ask("POST", "/v1/builds", {"spec": SPEC, "force": True})[1]["joined"]


@pytest.mark.parametrize("code", ["REGISTRY_UNAVAILABLE", "REGISTRY_DENIED"])
def test_a_registry_that_cannot_tell_is_502_and_nothing_starts(code: str) -> None:
    site = Site()
    push(site, {"spec": SPEC})
    site.registry.failure = BoatyardError(code, "no answer")
    status, problem = site.ask("POST", "/v1/builds", {"spec": SPEC})
    assert (status, problem["code"], problem["retryable"]) == (502, code, code == "REGISTRY_UNAVAILABLE")
    assert site.ask("GET", "/v1/builds")[1]["builds"] == []
    site.registry.failure = None
    assert site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["cached"]


def test_a_failure_is_held_for_a_minute_and_says_why() -> None:
    site = Site()
    build_id = site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"]
    site.runner.finish(build_id, failed())
    status, answer = site.ask("POST", "/v1/builds", {"spec": SPEC})
    assert (status, answer["state"], answer["joined"]) == (200, "FAILED", True)
    assert answer["error"]["code"] == "PACKAGE_NOT_FOUND"
    site.clock.sleep(61)
    assert site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"].endswith("-2")


def test_force_is_refused_where_no_tag_moves_before_anything_starts() -> None:
    site = Site()
    site.registry.immutable = True
    push(site, {"spec": SPEC})
    status, problem = site.ask("POST", "/v1/builds", {"spec": SPEC, "force": True})
    assert (status, problem["code"], problem["retryable"]) == (409, "TAG_IMMUTABLE", False)
    assert "delete it in the registry" in problem["advice"]
    assert site.ask("GET", "/v1/builds")[1]["builds"] == []
    assert site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["cached"], "what is there is still the answer"


def test_force_builds_what_is_not_there_whatever_tags_do() -> None:
    site = Site()
    site.registry.immutable = True
    assert site.ask("POST", "/v1/builds", {"spec": SPEC, "force": True})[0] == 202


def test_a_held_failure_says_how_old_it_is_and_for_how_long_it_answers() -> None:
    site = Site()
    build_id = site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"]
    site.runner.finish(build_id, failed())
    site.clock.sleep(12)
    answer = site.ask("POST", "/v1/builds", {"spec": SPEC})[1]
    assert answer["held"] == {"ageSeconds": 12, "secondsLeft": 48}
    site.clock.sleep(49)
    assert "held" not in {name for name, value in site.ask("POST", "/v1/builds", {"spec": SPEC})[1].items() if value}


@pytest.mark.parametrize("code", ["BASE_IMAGE_DENIED", "BASE_IMAGE_NOT_FOUND", "PUSH_DENIED", "SOURCE_UNUSABLE"])
def test_what_others_can_have_set_right_is_tried_again_at_once(code: str) -> None:
    """Somebody pushes a base or grants a permission: the request stays the same."""
    site = Site()
    first = site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"]
    site.runner.finish(first, JobResult(state=State.FAILED, error=Failure(code=code, message="m", advice="a")))
    status, answer = site.ask("POST", "/v1/builds", {"spec": SPEC})
    assert (status, answer["id"] == first, answer["joined"], answer["held"]) == (202, False, False, None)


def test_a_failure_with_a_secret_is_tried_again_at_once_because_its_value_may_have_changed() -> None:
    site = Site()
    spec = {**SPEC, "layers": [{"pipPackages": {"packages": ["six"], "secretMounts": [{"key": "TOKEN"}]}}]}
    site.ask("PUT", "/v1/secrets/TOKEN", {"kind": "build", "value": "wrong"})
    first = site.ask("POST", "/v1/builds", {"spec": spec})[1]["id"]
    site.runner.finish(first, failed())
    site.ask("PUT", "/v1/secrets/TOKEN", {"kind": "build", "value": "right"})
    status, answer = site.ask("POST", "/v1/builds", {"spec": spec})
    assert (status, answer["id"] == first) == (202, False)
    assert site.ask("POST", "/v1/builds", {"spec": spec})[1]["id"] == answer["id"], "while it runs it is joined"


def test_naming_a_registry_secret_is_another_request() -> None:
    site = Site()
    first = site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"]
    site.runner.finish(first, failed())
    site.ask("PUT", "/v1/secrets/PULL", {"kind": "image_pull", "value": PULL})
    status, answer = site.ask("POST", "/v1/builds", {"spec": SPEC, "registrySecret": "PULL"})
    assert (status, answer["id"] == first) == (202, False)


def test_force_passes_a_held_failure_by() -> None:
    site = Site()
    site.runner.finish(site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"], failed())
    assert site.ask("POST", "/v1/builds", {"spec": SPEC, "force": True})[0] == 202


def test_a_lost_job_is_errored_and_can_be_built_again_at_once() -> None:
    site = Site()
    build_id = site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"]
    site.runner.finish(build_id, None)
    build = site.ask("GET", f"/v1/builds/{build_id}")[1]
    assert (build["state"], build["error"]["code"]) == ("ERRORED", "BUILDER_LOST")
    assert site.ask("POST", "/v1/builds", {"spec": SPEC})[0] == 202


def test_files_are_asked_for_only_when_a_build_starts() -> None:
    site = Site()
    context = {"sha256": "c" * 64, "size": 3, "trees": {"0/app": "a" * 64}}
    order = {"spec": CONTEXT_SPEC, "context": context}
    status, problem = site.ask("POST", "/v1/builds", order)
    assert (status, problem["code"], problem["retryable"]) == (409, "CONTEXT_MISSING", True)
    push(site, order)
    assert site.ask("POST", "/v1/builds", order)[1]["cached"]


def test_a_job_gets_where_to_fetch_the_archive_and_where_to_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    sha256 = "c" * 64
    monkeypatch.setattr(site.contexts, "has", lambda _: True)
    monkeypatch.setattr(site.contexts, "refusal_url", lambda digest: f"memory:refuse/{digest}")
    context = {"sha256": sha256, "size": 3, "trees": {"0/app": "a" * 64}}
    answer = site.ask("POST", "/v1/builds", {"spec": CONTEXT_SPEC, "context": context})[1]
    found = site.runner.job(answer["id"]).context
    assert found and (found.url, found.refusal_url) == (f"memory:{sha256}", f"memory:refuse/{sha256}")


def test_a_spec_with_files_needs_a_context() -> None:
    status, problem = Site().ask("POST", "/v1/builds", {"spec": CONTEXT_SPEC})
    assert (status, problem["code"], problem["layerIndex"]) == (400, "INVALID_SPEC", 0)


def test_a_secret_that_is_not_there_is_named() -> None:
    site = Site()
    layer = {"pipPackages": {"packages": ["six"], "secretMounts": [{"key": "TOKEN", "group": "ci"}]}}
    order = {"spec": {**SPEC, "layers": [layer]}, "registrySecret": "ghcr"}
    status, problem = site.ask("POST", "/v1/builds", order)
    assert (status, problem["code"], problem["missing"]) == (422, "SECRET_NOT_FOUND", ["ci_TOKEN", "ghcr"])
    login = '{"auths":{"ghcr.io":{"auth":"eDp5"}}}'
    for name, kind in (("ci_TOKEN", "build"), ("ghcr", "image_pull")):
        assert site.ask("PUT", f"/v1/secrets/{name}", {"kind": kind, "value": login})[0] == 204
    answer = site.ask("POST", "/v1/builds", order)[1]
    job = site.runner.job(answer["id"])
    assert [secret.name for secret in job.secrets] == ["ci_TOKEN"]
    assert job.registry_secrets == ("ghcr",)
    assert b"auths" not in msgspec.json.encode(job)


def test_a_full_queue_says_when_to_come_back() -> None:
    site = Site(msgspec.structs.replace(SETTINGS, limits=Limits(queued_builds=1)))
    assert site.ask("POST", "/v1/builds", {"spec": SPEC})[0] == 202
    response = site.send("POST", "/v1/builds", {"spec": {**SPEC, "pythonVersion": "3.11"}})
    assert response.status == 429
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"\xff\xfe", 400, None),
        (b"[]", 400, None),
        ({"spec": SPEC, "colour": "red"}, 400, None),
        ({"spec": {**SPEC, "pythonVersion": "x"}}, 400, "spec.pythonVersion"),
        ({"spec": SPEC, "project": "Not A Label"}, 400, "project"),
        ({"spec": {**SPEC, "platform": ["plan9/mips"]}}, 422, "spec.platform"),
        ({"spec": SPEC, "target": {"name": "a/b"}}, 400, "target.name"),
        ({"spec": SPEC, "context": {"sha256": "c" * 64, "size": 2**40}}, 413, "context.size"),
    ],
)
def test_a_bad_request_is_explained_and_starts_nothing(body: Any, status: int, field: str | None) -> None:
    site = Site()
    got, problem = site.ask("POST", "/v1/builds", body)
    assert (got, problem["status"], problem.get("field")) == (status, status, field)
    assert problem["detail"] and problem["advice"]
    assert site.ask("GET", "/v1/builds")[1]["builds"] == []


def test_a_form_cannot_start_a_build() -> None:
    from boatyard.api import Request

    headers = {"content-type": "text/plain"}
    response = Site().api.handle(Request(method="POST", path="/v1/builds", headers=headers, body=b"{}"))
    assert response.status == 415


def test_a_body_over_the_limit_is_refused() -> None:
    site = Site(msgspec.structs.replace(SETTINGS, limits=Limits(request_bytes=100)))
    assert site.ask("POST", "/v1/builds", {"spec": SPEC, "target": {"name": "x" * 200}})[0] == 413


def test_what_is_not_foreseen_is_500_and_keeps_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()

    def burst(*_: Any, **__: Any) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(site.registry, "find", burst)
    response = site.send("POST", "/v1/builds", {"spec": SPEC})
    assert response.status == 500
    assert b"hunter2" not in response.body


def test_a_registry_that_only_the_registry_secret_opens_is_left_to_the_job() -> None:
    site = Site()
    site.registry.failure = BoatyardError("REGISTRY_DENIED", "who are you?")
    assert site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["code"] == "REGISTRY_DENIED"
    login = '{"auths":{"registry.example.com":{"auth":"eDp5"}}}'
    site.ask("PUT", "/v1/secrets/pull", {"kind": "image_pull", "value": login})
    for force in (False, True):
        order = {"spec": {**SPEC, "pythonVersion": f"3.{11 + force}"}, "registrySecret": "pull", "force": force}
        assert site.ask("POST", "/v1/builds", order)[0] == 202
    site.registry.failure = BoatyardError("REGISTRY_UNAVAILABLE", "later")
    assert site.ask("POST", "/v1/builds", {"spec": SPEC, "registrySecret": "pull"})[0] == 502
