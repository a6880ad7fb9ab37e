"""Dockerfiles over the API: optional secrets, and further tags for an image that may exist already."""

import msgspec

from boatyard.build import Image
from boatyard.reference import Reference
from tests.api.site import SETTINGS, Site

TEXT = "FROM a\nRUN --mount=type=secret,id=A x\n"
TAG = "registry.example.com/other/app:v1"


def order(text: str = TEXT, **more: object) -> dict[str, object]:
    return {"spec": {"dockerfile": text}, **more}


def set_secret(site: Site, name: str) -> None:
    assert site.ask("PUT", f"/v1/secrets/{name}", {"kind": "build", "value": "x"})[0] == 204


def push(site: Site, reference: str, digest: str) -> None:
    """Pushes an image with the key of `order()` as its label."""
    parsed = Reference.parse(reference)
    key = site.ask("POST", "/v1/plans", order())[1]["key"]
    image = Image(reference=str(parsed.at(digest)), digest=digest, platforms=("linux/amd64",), key=key)
    site.registry.push(parsed, image)


def test_an_optional_secret_is_given_once_it_is_there() -> None:
    site = Site()
    before = site.ask("POST", "/v1/plans", order())[1]
    built = site.ask("POST", "/v1/builds", order())[1]
    assert before["secrets"] == [] and built["key"] == before["key"]
    set_secret(site, "A")
    after = site.ask("POST", "/v1/plans", order())[1]
    assert after["secrets"] == ["A"] and after["key"] != before["key"]
    job = site.runner.job(site.ask("POST", "/v1/builds", order())[1]["id"])
    assert [secret.name for secret in job.secrets] == ["A"]


def test_a_required_secret_that_nobody_set_is_named_before_anything_starts() -> None:
    site = Site()
    status, problem = site.ask("POST", "/v1/builds", order("FROM a\nRUN --mount=type=secret,id=A,required x\n"))
    assert (status, problem["code"], problem["missing"]) == (422, "SECRET_NOT_FOUND", ["A"])
    assert site.ask("GET", "/v1/builds")[1]["builds"] == []


def test_what_buildkit_cannot_read_is_refused_with_its_line() -> None:
    status, problem = Site().ask("POST", "/v1/plans", order("FROM a\nRUN <<E\n"))
    assert (status, problem["code"]) == (422, "INVALID_DOCKERFILE") and problem["detail"].startswith("line 2 ")


def test_a_plan_says_which_images_and_tags() -> None:
    answer = Site().ask("POST", "/v1/plans", order("FROM a\n", tags=[TAG]))[1]
    assert answer["images"] == {"a": "docker.io/library/a:latest"} and answer["tags"] == [TAG]


def test_tags_are_not_in_the_key_and_a_build_with_them_is_another() -> None:
    site = Site()
    plain, tagged = (site.ask("POST", "/v1/builds", order(**more))[1] for more in ({}, {"tags": [TAG]}))
    assert plain["key"] == tagged["key"] and plain["target"] == tagged["target"] and plain["id"] != tagged["id"]
    assert site.runner.job(tagged["id"]).tags == (TAG,)
    assert site.ask("POST", "/v1/builds", order(tags=[TAG, TAG]))[1]["joined"] is True


def test_an_image_that_is_there_gets_its_tag_by_a_job_and_then_is_the_answer() -> None:
    site = Site()
    target = site.ask("POST", "/v1/plans", order())[1]["target"]
    push(site, target, "sha256:" + "1" * 64)
    assert site.ask("POST", "/v1/builds", order())[1]["cached"]
    push(site, TAG, "sha256:" + "2" * 64)
    status, answer = site.ask("POST", "/v1/builds", order(tags=[TAG]))
    assert (status, answer["cached"]) == (202, False)
    push(site, TAG, "sha256:" + "1" * 64)
    status, answer = site.ask("POST", "/v1/builds", order(tags=[TAG]))
    assert (status, answer["cached"]) == (200, True)


def test_a_tag_that_cannot_move_is_refused_before_the_build() -> None:
    site = Site()
    site.registry.immutable = True
    push(site, TAG, "sha256:" + "2" * 64)
    status, problem = site.ask("POST", "/v1/builds", order(tags=[TAG]))
    assert (status, problem["code"]) == (409, "TAG_IMMUTABLE") and TAG in problem["detail"]
    push(site, site.ask("POST", "/v1/plans", order())[1]["target"], "sha256:" + "2" * 64)
    assert site.ask("POST", "/v1/builds", order(tags=[TAG]))[1]["cached"], "it is there already, with this image"


def test_a_hostile_tag_is_refused() -> None:
    target = Site().ask("POST", "/v1/plans", order())[1]["target"]
    for tag in (target, target.replace(":", ":image-"), "x" * 600):
        assert Site().ask("POST", "/v1/builds", order(tags=[tag]))[0] == 400
    access = msgspec.structs.replace(SETTINGS.access, registries=("registry.example.com/images/*",))
    site = Site(msgspec.structs.replace(SETTINGS, access=access))
    assert site.ask("POST", "/v1/builds", order(tags=[TAG]))[0] == 403
