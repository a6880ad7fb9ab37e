"""The stand-in follows the published API where Boatyard's tests depend on it."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.kubernetes.loopback import LoopbackCluster
from tests.kubernetes.loopback.cluster import ADMIN_TOKEN
from tests.kubernetes.loopback.manual_node import ManualNode

CONFIG_MAPS = "/api/v1/namespaces/a/configmaps"


@pytest.fixture
def cluster() -> Iterator[LoopbackCluster]:
    made = LoopbackCluster()
    made.namespace("a")
    yield made
    made.close()


@pytest.fixture
def http(cluster: LoopbackCluster) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    with httpx.Client(base_url=cluster.server.url, headers=headers, timeout=10) as client:
        yield client


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"k": "v"}}


def refusal(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert (body["kind"], body["status"], body["code"]) == ("Status", "Failure", response.status_code)
    return response.status_code, body["reason"]


def test_names_are_taken_once_and_versions_guard_changes(http: httpx.Client) -> None:
    made = http.post(CONFIG_MAPS, json=config_map("x")).json()
    assert refusal(http.post(CONFIG_MAPS, json=config_map("x"))) == (409, "AlreadyExists")
    stale = {"metadata": {"resourceVersion": "1"}, "data": {"k": "w"}}
    merge = {"content-type": "application/merge-patch+json"}
    assert refusal(http.patch(f"{CONFIG_MAPS}/x", content=json.dumps(stale), headers=merge)) == (409, "Conflict")
    assert refusal(http.patch(f"{CONFIG_MAPS}/x", json={})) == (415, "UnsupportedMediaType")
    wrong = {"preconditions": {"uid": "other"}}
    assert refusal(http.request("DELETE", f"{CONFIG_MAPS}/x", json=wrong)) == (409, "Conflict")
    assert http.request("DELETE", f"{CONFIG_MAPS}/x").json()["details"]["uid"] == made["metadata"]["uid"]
    assert refusal(http.get(f"{CONFIG_MAPS}/x")) == (404, "NotFound")


def test_what_the_api_would_refuse_is_refused(http: httpx.Client, cluster: LoopbackCluster) -> None:
    assert refusal(http.post(CONFIG_MAPS, json={**config_map("x"), "dataa": {}})) == (400, "BadRequest")
    assert refusal(http.post(CONFIG_MAPS, json=config_map("Upper"))) == (422, "Invalid")
    assert refusal(http.post(CONFIG_MAPS.replace("/a/", "/b/"), json=config_map("x"))) == (404, "NotFound")
    assert refusal(http.get("/api/v1/pods?fieldSelector=spec.color=red")) == (400, "BadRequest")
    assert refusal(http.get("/api/v1/pods?labelSelector=a+b")) == (400, "BadRequest")
    assert refusal(http.get("/apis/batch/v2/jobs")) == (404, "NotFound")
    assert refusal(httpx.get(cluster.server.url + CONFIG_MAPS)) == (401, "Unauthorized")
    assert http.post(f"{CONFIG_MAPS}?dryRun=All", json=config_map("x")).status_code == 201
    assert refusal(http.get(f"{CONFIG_MAPS}/x")) == (404, "NotFound")


def test_lists_are_selected_paged_and_expire(http: httpx.Client, cluster: LoopbackCluster) -> None:
    for number in range(5):
        http.post(CONFIG_MAPS, json=config_map(f"x{number}", odd=str(number % 2)))
    assert len(http.get(f"{CONFIG_MAPS}?labelSelector=odd!=1").json()["items"]) == 3
    assert len(http.get(f"{CONFIG_MAPS}?labelSelector=odd in (1,2)").json()["items"]) == 2
    page = http.get(f"{CONFIG_MAPS}?limit=3").json()
    token = page["metadata"]["continue"]
    assert page["metadata"]["remainingItemCount"] == 2
    assert len(http.get(f"{CONFIG_MAPS}?limit=3&continue={token}").json()["items"]) == 2
    cluster.store.compact()
    assert refusal(http.get(f"{CONFIG_MAPS}?limit=3&continue={token}")) == (410, "Expired")


def test_a_watch_tells_changes_bookmarks_and_that_it_is_too_old(http: httpx.Client, cluster: LoopbackCluster) -> None:
    version = http.get(CONFIG_MAPS).json()["metadata"]["resourceVersion"]
    threading.Timer(0.1, lambda: http.post(CONFIG_MAPS, json=config_map("x"))).start()
    query = f"watch=1&resourceVersion={version}&timeoutSeconds=2&allowWatchBookmarks=true"
    with http.stream("GET", f"{CONFIG_MAPS}?{query}") as stream:
        events = [json.loads(line) for line in stream.iter_lines()]
    assert [event["type"] for event in events][:2] == ["ADDED", "BOOKMARK"]
    assert events[0]["object"]["metadata"]["name"] == "x"
    assert set(events[1]["object"]["metadata"]) == {"resourceVersion"}
    cluster.store.compact()
    assert refusal(http.get(f"{CONFIG_MAPS}?{query}")) == (410, "Expired")


def test_a_log_can_be_followed_to_its_end(http: httpx.Client, cluster: LoopbackCluster) -> None:
    node = ManualNode(cluster)
    pod = {"containers": [{"name": "build", "image": "x"}], "restartPolicy": "Never"}
    spec = {"template": {"spec": pod}}
    cluster.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "a"}, "spec": spec})
    name = node.pod("j")["metadata"]["name"]
    path = f"/api/v1/namespaces/a/pods/{name}/log"
    assert refusal(http.get(path)) == (400, "BadRequest")
    node.start("j")
    node.log("j", "one", "two")
    threading.Timer(0.2, lambda: (node.log("j", "three"), node.end("j", 0))).start()
    with http.stream("GET", f"{path}?follow=true") as stream:
        assert list(stream.iter_lines()) == ["one", "two", "three"]
    assert http.get(f"{path}?tailLines=1").text == "three\n" and http.get(f"{path}?limitBytes=5").text == "one\nt"
