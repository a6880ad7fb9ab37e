"""The caller that the edge identifies is checked against the access policy."""

from typing import Any, ClassVar

import msgspec

from boatyard.api import Request
from boatyard.build import Build, Image, State
from boatyard.job import JobResult
from boatyard.memory import MemoryDeploymentKey, MemoryJobRunner
from boatyard.reference import Reference
from boatyard.service import Service
from boatyard.settings import Access, Caller
from tests.api.site import SETTINGS, SPEC, Site

POLICY = Access(callers=(Caller(match="arn:aws:iam::123456789012:role/ml", projects=("ml/*",)),))


def ask(caller: str, project: str = "ml", path: str = "/v1/builds") -> tuple[int, str]:
    site = Site(msgspec.structs.replace(SETTINGS, access=POLICY))
    body = msgspec.json.encode({"spec": SPEC, "project": project, "domain": "dev"})
    request = Request(
        method="POST", path=path, headers={"content-type": "application/json"}, body=body, caller=caller
    )  # fmt: skip
    response = site.api.handle(request)
    return response.status, msgspec.json.decode(response.body).get("code", "")


def test_a_caller_builds_for_its_own_projects_only() -> None:
    assert ask("arn:aws:iam::123456789012:role/ml") == (202, "")
    assert ask("arn:aws:iam::123456789012:role/ml", project="web") == (403, "FORBIDDEN")
    assert ask("arn:aws:iam::123456789012:role/web") == (403, "FORBIDDEN")
    assert ask("") == (401, "UNAUTHENTICATED")


def test_who_has_no_entry_is_told_nothing_at_all() -> None:
    site = Site(msgspec.structs.replace(SETTINGS, access=POLICY))
    for path in ("/v1/builds", "/v1/capabilities", "/v1/images/registry.example.com/images/image:x"):
        assert site.api.handle(Request(method="GET", path=path, caller="arn:aws:iam::1:role/x")).status == 403


def test_an_image_does_not_tell_of_a_build_that_is_not_the_callers() -> None:
    policy = Access(callers=(Caller(match="ml", projects=("ml/*",)), Caller(match="all")))
    site = Site(msgspec.structs.replace(SETTINGS, access=policy))

    def ask(caller: str, method: str, path: str, body: bytes = b"") -> Any:
        headers = {"content-type": "application/json"}
        response = site.api.handle(Request(method=method, path=path, headers=headers, body=body, caller=caller))
        return msgspec.json.decode(response.body)

    order = msgspec.json.encode({"spec": SPEC, "project": "web", "domain": "dev"})
    build = ask("all", "POST", "/v1/builds", order)["id"]
    site.runner.begin(build)
    site.runner.finish(build, JobResult(state=State.SUCCEEDED, digest="sha256:" + "1" * 64))
    reference = Reference.parse("registry.example.com/images/app:v1")
    for label, told in ((build.rpartition("-")[0], build), (f"{build},x=y/../z", None)):
        image = Image(
            reference=str(reference), digest="sha256:" + "1" * 64, platforms=("linux/amd64",), build_tag=label
        )
        site.registry.push(reference, image)
        assert ask("all", "GET", f"/v1/images/{reference}").get("buildId") == told
        assert ask("ml", "GET", f"/v1/images/{reference}").get("buildId") is None


class Listening(MemoryJobRunner):
    asked: ClassVar[list[str]] = []

    def latest(self, tag: str) -> Build | None:
        self.asked.append(tag)
        return super().latest(tag)


def test_no_runner_is_asked_for_what_a_strangers_label_says() -> None:
    site = Site()
    runner = Listening(site.clock)
    service = Service(
        SETTINGS,
        registry=site.registry,
        runner=runner,
        contexts=site.contexts,
        secrets=site.secrets,
        deployment_key=MemoryDeploymentKey(),
        clock=site.clock,
    )
    reference = Reference.parse("registry.example.com/images/app:v1")
    for label in ("../" * 10, "a,b=c", "0" * 31, "0" * 32 + "\n", "0" * 32):
        image = Image(reference=str(reference), digest="sha256:" + "1" * 64, platforms=(), build_tag=label)
        site.registry.push(reference, image)
        service.find_image(reference)
    assert runner.asked == ["0" * 32]
