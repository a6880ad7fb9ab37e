"""Requests for builds, logs and images, and those of the stock flyte builder."""

import gzip

import msgspec
from flyteidl2.imagebuilder import payload_pb2

from boatyard.api import Request
from boatyard.build import Image, State
from boatyard.job import JobResult
from boatyard.reference import Reference
from tests.api.site import SETTINGS, SPEC, Site
from tests.api.test_ensure import DIGEST


def pushed(site: Site) -> Image:
    """Pushes an image without a key."""
    reference = Reference.parse("registry.example.com/images/app:v1")
    image = Image(reference=str(reference.at(DIGEST)), digest=DIGEST, platforms=("linux/amd64",))
    site.registry.push(reference, image)
    return image


GET_IMAGE = "/flyteidl2.imagebuilder.ImageService/GetImage"


def spec(version: int) -> dict[str, object]:
    return {**SPEC, "layers": [{"pipPackages": {"packages": [f"six=={version}"]}}]}


def test_builds_are_listed_newest_first_in_pages() -> None:
    site = Site()
    ids = [site.ask("POST", "/v1/builds", {"spec": spec(n)})[1]["id"] for n in range(5)]
    seen: list[str] = []
    token = ""
    while True:
        page = site.ask("GET", "/v1/builds", pageSize="2", pageToken=token)[1]
        seen += [build["id"] for build in page["builds"]]
        token = page["nextPageToken"]
        if not token:
            break
    assert seen == ids[::-1]


def test_builds_are_chosen_by_state_and_scope() -> None:
    site = Site()
    one = site.ask("POST", "/v1/builds", {"spec": spec(1)})[1]["id"]
    two = site.ask("POST", "/v1/builds", {"spec": spec(2), "project": "other"})[1]["id"]
    site.ask("POST", f"/v1/builds/{one}/cancel")
    assert [b["id"] for b in site.ask("GET", "/v1/builds", state="CANCELLED")[1]["builds"]] == [one]
    assert [b["id"] for b in site.ask("GET", "/v1/builds", project="other")[1]["builds"]] == [two]
    assert site.ask("GET", "/v1/builds", state="BROKEN")[0] == 400
    for size in ("0", "501", "000000005" + "0" * 10, "000000005" + "0" * 5000):
        assert site.ask("GET", "/v1/builds", pageSize=size)[0] == 400
    assert site.ask("GET", "/v1/builds", pageToken="nonsense")[0] == 400


def test_a_build_is_followed_to_its_end() -> None:
    site = Site()
    build_id = site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"]
    site.runner.begin(build_id)
    site.runner.log(build_id, "one", "two")
    page = site.ask("GET", f"/v1/builds/{build_id}/logs")[1]
    assert (page["lines"], page["done"]) == (["one", "two"], False)
    assert site.ask("GET", f"/v1/builds/{build_id}", wait="5")[1]["state"] == "RUNNING"
    site.runner.finish(build_id, JobResult(state=State.SUCCEEDED, digest=DIGEST))
    build = site.ask("GET", f"/v1/builds/{build_id}", wait="20")[1]
    assert (build["state"], build["image"].rpartition("@")[2]) == ("SUCCEEDED", DIGEST)
    rest = site.ask("GET", f"/v1/builds/{build_id}/logs", cursor=page["cursor"])[1]
    assert (rest["lines"], rest["done"]) == ([], True)


def test_what_is_not_there_is_404() -> None:
    site = Site()
    for method, path in (
        ("GET", "/v1/builds/x-1"),
        ("GET", "/v1/builds/x-1/logs"),
        ("POST", "/v1/builds/x-1/cancel"),
        ("GET", "/v1/images/registry.example.com/images/app:none"),
        ("GET", "/v1/nothing"),
    ):
        status, problem = site.ask(method, path)
        assert (status, problem["code"]) == (404, "NOT_FOUND"), path


def test_another_method_is_405() -> None:
    response = Site().send("DELETE", "/v1/builds")
    assert response.status == 405
    assert set(response.headers["allow"].split(", ")) == {"POST", "GET"}


def test_an_image_is_shown_with_its_digest() -> None:
    site = Site()
    pushed(site)
    answer = site.ask("GET", "/v1/images/registry.example.com/images/app:v1")[1]
    assert (answer["digest"], answer["platforms"]) == (DIGEST, ["linux/amd64"])


def test_the_stock_flyte_builder_is_answered_in_json_and_protobuf() -> None:
    site = Site()
    image = pushed(site)
    status, answer = site.ask("POST", GET_IMAGE, {"id": {"name": "app:v1"}})
    assert (status, answer["image"]) == (200, {"id": {"name": "app:v1"}, "fqin": image.reference})

    ask = payload_pb2.GetImageRequest()
    ask.id.name = "app:v1"
    headers = {"content-type": "application/proto"}
    request = Request(method="POST", path=GET_IMAGE, headers=headers, body=ask.SerializeToString())
    response = site.api.handle(request)
    assert response.headers["content-type"] == "application/proto"
    assert payload_pb2.GetImageResponse.FromString(response.body).image.fqin == image.reference


def compressed(body: bytes, encoding: str = "gzip", kind: str = "application/proto") -> Request:
    headers = {"content-type": kind, "content-encoding": encoding}
    return Request(method="POST", path=GET_IMAGE, headers=headers, body=body)


def test_the_stock_flyte_builder_compresses_what_it_sends() -> None:
    site = Site()
    image = pushed(site)
    ask = payload_pb2.GetImageRequest()
    ask.id.name = "app:v1"
    for encoding in ("gzip", "GZIP"):
        response = site.api.handle(compressed(gzip.compress(ask.SerializeToString()), encoding))
        assert payload_pb2.GetImageResponse.FromString(response.body).image.fqin == image.reference
    plain = site.api.handle(compressed(ask.SerializeToString(), "identity"))
    assert payload_pb2.GetImageResponse.FromString(plain.body).image.fqin == image.reference
    as_json = compressed(gzip.compress(b'{"id": {"name": "app:v1"}}'), kind="application/json")
    assert site.api.handle(as_json).status == 200


def test_what_cannot_be_unpacked_is_refused_in_connects_words() -> None:
    site = Site()
    bomb = gzip.compress(b"\0" * (SETTINGS.limits.request_bytes + 1))
    assert len(bomb) < SETTINGS.limits.request_bytes / 100
    for body, words in ((b"plain", "not gzip"), (gzip.compress(b"x" * 99)[:-9], "too early"), (bomb, "larger than")):
        response = site.api.handle(compressed(body))
        told = msgspec.json.decode(response.body)
        assert response.status == 400 and words in told["message"], told
    unknown = site.api.handle(compressed(b"", "br"))
    assert unknown.status == 501 and msgspec.json.decode(unknown.body)["code"] == "unimplemented"


def test_the_stock_flyte_builder_is_refused_in_connects_words() -> None:
    site = Site()
    assert site.ask("POST", GET_IMAGE, {"id": {"name": "app:none"}})[1]["code"] == "not_found"
    assert site.ask("POST", GET_IMAGE, {"id": {"name": "no tag"}})[1]["code"] == "invalid_argument"
    assert site.ask("POST", GET_IMAGE, {"id": {"name": "../x:v1"}})[1]["code"] == "invalid_argument"
    headers = {"content-type": "application/proto"}
    broken = Request(method="POST", path=GET_IMAGE, headers=headers, body=b"\xff\xff")
    assert site.api.handle(broken).status == 400
