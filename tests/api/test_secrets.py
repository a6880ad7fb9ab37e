"""Secrets over the API are set, listed by name and deleted, and never returned."""

import msgspec

from boatyard.settings import Access
from tests.api.site import SETTINGS, Site

LOGIN = '{"auths":{"ghcr.io":{"auth":"bWU6aHVudGVyMg=="}}}'


def test_names_and_kinds_are_listed_and_values_are_not() -> None:
    site = Site()
    assert site.ask("GET", "/v1/secrets") == (200, {"secrets": []})
    site.ask("PUT", "/v1/secrets/TOKEN", {"kind": "build", "value": "hunter2"})
    site.ask("PUT", "/v1/secrets/ghcr", {"kind": "image_pull", "value": LOGIN})
    site.ask("PUT", "/v1/secrets/other", {"kind": "build", "value": "x", "project": "shop"})
    answer = site.send("GET", "/v1/secrets")
    assert msgspec.json.decode(answer.body) == {
        "secrets": [{"name": "TOKEN", "kind": "build"}, {"name": "ghcr", "kind": "image_pull"}]
    }
    assert b"hunter2" not in answer.body and b"auths" not in answer.body
    assert site.ask("GET", "/v1/secrets", project="shop") == (200, {"secrets": [{"name": "other", "kind": "build"}]})


def test_a_secret_is_deleted_once() -> None:
    site = Site()
    site.ask("PUT", "/v1/secrets/TOKEN", {"kind": "build", "value": "x"})
    assert site.ask("DELETE", "/v1/secrets/TOKEN", domain="production")[0] == 404
    assert site.ask("DELETE", "/v1/secrets/TOKEN") == (204, None)
    status, problem = site.ask("DELETE", "/v1/secrets/TOKEN")
    assert (status, problem["code"]) == (404, "NOT_FOUND")


def test_another_project_s_secrets_are_neither_listed_nor_deleted() -> None:
    site = Site(msgspec.structs.replace(SETTINGS, access=Access(projects=("shop/*",))))
    assert site.ask("GET", "/v1/secrets", project="bank")[0] == 403
    assert site.ask("DELETE", "/v1/secrets/TOKEN", project="bank")[0] == 403
    for bad in ("..", "a/b", "A", "x" * 64):
        assert site.ask("GET", "/v1/secrets", project=bad)[1]["code"] == "INVALID_SPEC"
