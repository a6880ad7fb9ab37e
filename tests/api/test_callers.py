"""The caller that the edge names, held against the access policy."""

import msgspec

from boatyard.api import Request
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
