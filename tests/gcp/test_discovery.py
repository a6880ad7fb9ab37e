"""The checks against Google's documents accept what the documents describe and nothing else."""

from typing import Any

import pytest

from tests.gcp.discovery import Refused, api

BUILD: dict[str, Any] = {
    "steps": [{"name": "host/builder", "args": ["x"], "secretEnv": ["A"], "volumes": [{"name": "v", "path": "/v"}]}],
    "timeout": "1200s",
    "serviceAccount": "projects/p/serviceAccounts/s@p.iam.gserviceaccount.com",
    "options": {"logging": "CLOUD_LOGGING_ONLY", "pool": {"name": "projects/p/locations/l/workerPools/w"}},
}
BUILDS = "/v1/projects/p/locations/europe-west1/builds"
REPOSITORY = "/v1/projects/p/locations/l/repositories/r"


@pytest.mark.parametrize(
    ("name", "version", "verb", "path", "query", "body", "method"),
    [
        ("cloudbuild", "v1", "POST", BUILDS, {}, BUILD, "cloudbuild.projects.locations.builds.create"),
        ("cloudbuild", "v1", "GET", f"{BUILDS}/1-2", {}, None, "cloudbuild.projects.locations.builds.get"),
        ("cloudbuild", "v1", "POST", f"{BUILDS}/1-2:cancel", {}, {}, "cloudbuild.projects.locations.builds.cancel"),
        ("artifactregistry", "v1", "GET", REPOSITORY, {}, None, "artifactregistry.projects.locations.repositories.get"),
        ("container", "v1", "GET", "/v1/projects/p/locations/l/clusters/c", {}, None,
         "container.projects.locations.clusters.get"),
        ("pubsub", "v1", "POST", "/v1/projects/p/topics/topic:publish", {}, {"messages": [{"data": "aGk="}]},
         "pubsub.projects.topics.publish"),
        ("iamcredentials", "v1", "POST", "/v1/projects/-/serviceAccounts/s@p.iam.gserviceaccount.com:signBlob", {},
         {"payload": "aGk="}, "iamcredentials.projects.serviceAccounts.signBlob"),
        ("storage", "v1", "GET", "/storage/v1/b/bucket/o", {"startOffset": "a"}, None, "storage.objects.list"),
    ],
)  # fmt: skip
def test_what_google_knows_is_taken(
    name: str, version: str, verb: str, path: str, query: dict[str, str], body: Any, method: str
) -> None:
    assert api(name, version).match(verb, path, query, body).method.id == method


@pytest.mark.parametrize(
    ("verb", "path", "query", "body", "reason"),
    [
        ("POST", BUILDS, {}, BUILD | {"stepz": 1}, "stepz"),
        ("POST", BUILDS, {}, BUILD | {"timeout": 1200}, "timeout"),
        ("POST", BUILDS, {}, BUILD | {"options": {"logging": "LOUD"}}, "logging"),
        ("POST", BUILDS, {"unknown": "1"}, BUILD, "unknown"),
        ("PUT", BUILDS, {}, BUILD, "no method"),
        ("GET", f"{BUILDS}/1", {}, {}, "no body"),
    ],
)
def test_what_google_does_not_know_is_refused(
    verb: str, path: str, query: dict[str, str], body: Any, reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        api("cloudbuild", "v1").match(verb, path, query, body)


def test_an_answer_of_another_form_is_refused() -> None:
    cloudbuild = api("cloudbuild", "v1")
    get = cloudbuild.methods["cloudbuild.projects.locations.builds.get"]
    cloudbuild.check_answer(get, BUILD | {"id": "1", "status": "WORKING", "createTime": "2026-01-01T00:00:00Z"})
    with pytest.raises(Refused, match="status"):
        cloudbuild.check_answer(get, BUILD | {"status": "BUSY"})
