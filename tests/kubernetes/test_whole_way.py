"""Request -> Job -> pod -> BuildKit -> registry -> result, with a real BuildKit and a real registry."""

import signal
from collections.abc import Iterator

import pytest

from tests.kubernetes.loopback.workload_identity import FOLDER, ROLE
from tests.kubernetes.site import NAMESPACE
from tests.kubernetes.whole import Whole, real_settings
from tests.local.jobs import until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    made = Whole(tmp_path_factory.mktemp("pods"), real_settings(serviceAccount="builder"))
    account = {"name": "builder", "namespace": NAMESPACE, "annotations": {ROLE: "arn:aws:iam::1:role/builder"}}
    made.site.cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    yield made
    made.close()


def test_a_request_becomes_an_image_and_then_an_answer_from_the_registry(whole: Whole) -> None:
    order = whole.order({"commands": {"cmd": ["echo from the pod > /made"]}})
    status, asked = whole.ask("POST", "/v1/builds", order)
    assert status == 202 and not asked["joined"], asked
    status, again = whole.ask("POST", "/v1/builds", order)
    assert (status, again["id"], again["joined"]) == (202, asked["id"], True)
    build = whole.end(asked["id"])
    assert build["state"] == "SUCCEEDED", (build, whole.log(asked["id"]))
    assert build["image"].startswith("127.0.0.1:") and "@sha256:" in build["image"]
    assert [time["phase"] for time in build["phases"]][-1] in ("PUSH", "EXPORT_CACHE", "BUILD")
    assert any(line.startswith("pushed ") for line in whole.log(asked["id"]))
    pod = _pods(whole, asked["id"])[0]
    env = {e["name"]: e["value"] for e in pod["spec"]["containers"][0]["env"]}
    assert env["AWS_ROLE_ARN"].endswith("role/builder") and env["AWS_WEB_IDENTITY_TOKEN_FILE"] == f"{FOLDER}/token"
    token = whole.root / pod["metadata"]["uid"] / "aws-iam-token" / "token"
    assert token.read_bytes() == b"token of system:serviceaccount:default-development:builder for sts.amazonaws.com"
    status, cached = whole.ask("POST", "/v1/builds", order)
    assert (status, cached["cached"], cached["image"]) == (200, True, build["image"])
    status, page = whole.ask("GET", "/v1/builds", project="default", domain="development")
    assert page["builds"][0]["id"] == asked["id"]


def test_a_users_error_comes_back_with_its_layer_and_ends_the_job_at_once(whole: Whole) -> None:
    _, asked = whole.ask("POST", "/v1/builds", whole.order({"commands": {"cmd": ["echo before; exit 7"]}}))
    build = whole.end(asked["id"])
    assert build["state"] == "FAILED" and build["error"]["code"] == "COMMAND_FAILED"
    assert build["error"]["layerIndex"] == 1
    pods = [p for p in whole.site.cluster.objects("Pod") if asked["id"] in p["metadata"]["name"]]
    assert len(pods) == 1, "a user's error is not tried again"


def test_a_secret_reaches_the_step_and_is_nowhere_else(whole: Whole) -> None:
    secret = {"kind": "build", "value": "s3cr3t-in-the-cluster"}
    status, answer = whole.ask("PUT", "/v1/secrets/TOKEN", secret)
    assert status == 204, answer
    step = {"commands": {"cmd": ['test "$TOKEN" = s3cr3t-in-the-cluster; echo "seen $TOKEN"']}}
    step["commands"]["secretMounts"] = [{"key": "TOKEN", "envVar": "TOKEN"}]  # type: ignore[assignment]
    status, asked = whole.ask("POST", "/v1/builds", whole.order(step))
    assert status == 202, asked
    build = whole.end(asked["id"])
    log = whole.log(asked["id"])
    assert build["state"] == "SUCCEEDED", (build, log)
    assert "s3cr3t-in-the-cluster" not in str((build, log))


def test_a_cancel_ends_the_process_and_stays_known(whole: Whole) -> None:
    _, asked = whole.ask("POST", "/v1/builds", whole.order({"commands": {"cmd": ["sleep 60"]}}))
    until(lambda: whole.ask("GET", f"/v1/builds/{asked['id']}")[1].get("phase") == "BUILD", seconds=60, pause=0.1)
    status, _ = whole.ask("POST", f"/v1/builds/{asked['id']}/cancel")
    assert status == 200
    build = whole.end(asked["id"], seconds=40)
    assert build["state"] == "CANCELLED"
    until(lambda: not _pods(whole, asked["id"]), seconds=40, pause=0.1)


def test_a_killed_job_is_lost_and_the_next_request_builds_again(whole: Whole) -> None:
    order = whole.order({"commands": {"cmd": ["sleep 2"]}})
    _, asked = whole.ask("POST", "/v1/builds", order)
    until(lambda: whole.ask("GET", f"/v1/builds/{asked['id']}")[1].get("phase") == "BUILD", seconds=60, pause=0.1)
    whole.kubelet.kill(_pods(whole, asked["id"])[0], signal.SIGKILL)
    build = whole.end(asked["id"])
    assert build["state"] == "ERRORED" and build["error"]["code"] == "BUILDER_LOST"
    status, second = whole.ask("POST", "/v1/builds", order)
    assert status == 202 and second["id"].endswith("-2")
    build = whole.end(second["id"])
    assert build["state"] == "SUCCEEDED", (build, whole.log(second["id"]))


def test_an_evicted_pod_is_replaced_without_anyone_asking(whole: Whole) -> None:
    _, asked = whole.ask("POST", "/v1/builds", whole.order({"commands": {"cmd": ["sleep 2"]}}))
    until(lambda: whole.ask("GET", f"/v1/builds/{asked['id']}")[1].get("phase") == "BUILD", seconds=60, pause=0.1)
    pod = _pods(whole, asked["id"])[0]
    whole.site.cluster.node.evict(pod, "The node was low on resource: memory.")
    whole.kubelet.kill(pod)
    build = whole.end(asked["id"])
    assert build["state"] == "SUCCEEDED", (build, whole.log(asked["id"]))
    assert len(_pods(whole, asked["id"])) == 2


def _pods(whole: Whole, build_id: str) -> list[dict]:  # type: ignore[type-arg]
    return [
        p for p in whole.site.cluster.objects("Pod") if p["metadata"]["labels"].get("boatyard.io/build") == build_id
    ]
