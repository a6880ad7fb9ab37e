"""The runner against the cluster that BOATYARD_TEST_KUBECONFIG names: what a stand-in cannot prove.

Collected only with that variable; tests/contract runs its suite on the same cluster then.
"""

import base64
import json
import secrets
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from lightkube.resources.batch_v1 import Job

from boatyard.build import Build, State
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobResult
from boatyard.ports import BuildQuery, Scope, SecretValue
from boatyard.settings import Settings
from boatyard_buildkit.termination import brief
from boatyard_kubernetes import KubernetesJobRunner, KubernetesSecretStore
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.jobs import Jobs
from boatyard_kubernetes.manifests import all_objects, documents
from boatyard_kubernetes.names import job_name
from tests.kubernetes.loopback.node import Node
from tests.kubernetes.loopback.resources import BY_PATH
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.real.site import RealNode, RealSite, real_site
from tests.kubernetes.site import settings
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
NAME = job_name(ID)
DONE = brief(JobResult(state=State.SUCCEEDED, digest="sha256:" + "b" * 64)).decode()


def of_project(project: str, number: int) -> Callable[[int], BuildJob]:
    return lambda attempt: msgspec.structs.replace(job(number)(attempt), project=project)


def refused(it: RealSite, number: int = 0) -> BoatyardError:
    with pytest.raises(BoatyardError) as found:
        it.runner.ensure(job(number), tag(number), force=False)
    return found.value


def ended(it: RealSite, seconds: float = 30) -> Build:
    def look() -> Build | None:
        build = it.runner.status(ID)
        return build if build and build.state.ended else None

    return it.cluster.until(look, seconds)  # type: ignore[no-any-return]


def running(it: RealSite, node: RealNode) -> None:
    it.runner.ensure(job(), tag(), force=False)
    node.start(NAME)


@pytest.mark.parametrize("topology", [{"buildkitUri": "tcp://b.test:1"}, {}, {"buildkit": {"enabled": False}}])
def test_the_manifests_are_taken(topology: dict[str, Any]) -> None:
    with real_site() as (it, _):
        run = it.cluster.run
        own = {"serviceAccount": "builder", "buildkitNamespace": f"{run}-buildkit", "namespaces": [f"{run}-shop"]}
        chosen = msgspec.convert({**topology, "kubernetes": own}, Settings)
        subject = {"kind": "User", "name": run}
        it.cluster.apply(*documents(all_objects(chosen, namespaces=[f"{run}-shop"], subject=subject)))


def test_the_plan_belongs_to_its_job_and_goes_with_it() -> None:
    with real_site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        (secret,) = it.cluster.objects("Secret", it.namespace)
        (made,) = it.cluster.objects("Job", it.namespace)
        assert secret["immutable"] and secret["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
        node.start(NAME)
        remove_job(it)
        it.cluster.until(lambda: not it.cluster.objects("Secret", it.namespace))
        it.cluster.until(lambda: not it.cluster.objects("Pod", it.namespace))
        assert it.runner.status(ID) is None
        assert not it.runner.ensure(job(), tag(), force=False).joined


def remove_job(it: RealSite) -> None:
    """Deletes a Job as `kubectl delete job` does."""
    where = f"/apis/batch/v1/namespaces/{it.namespace}/jobs/{NAME}"
    it.cluster.store.ask("DELETE", where, {"propagationPolicy": "Background"})


def test_whoever_asks_next_finishes_what_a_dead_function_began() -> None:
    with real_site() as (it, node):
        jobs = Jobs(it.api, it.settings)
        jobs.release = lambda found, made: False  # type: ignore[method-assign]  # it dies before
        assert jobs.start(job()(1), 1, now=it.clock.now()) is None
        assert (build := it.runner.status(ID)) and build.state is State.QUEUED
        assert it.runner.ensure(job(), tag(), force=False).joined
        node.start(NAME)
        node.end(NAME, 0, DONE)
        assert ended(it).state is State.SUCCEEDED


def test_a_job_that_is_refused_for_its_plan_is_taken_back() -> None:
    def large(attempt: int) -> BuildJob:
        return msgspec.structs.replace(job()(attempt), dockerfile="#" * 1_100_000)

    with real_site() as (it, _):
        with pytest.raises(BoatyardError) as found:
            it.runner.ensure(large, tag(), force=False)
        assert found.value.code == "INVALID_SPEC"
        it.cluster.until(lambda: not it.cluster.objects("Job", it.namespace))


def test_two_namespaces_that_ask_for_one_tag_at_once_get_one_build() -> None:
    number = secrets.randbits(100)  # nobody else's in the whole cluster
    with real_site(wide=True) as (it, _):
        projects = ("one", "two", "three")
        names = [f"{it.cluster.run}-{project}-development" for project in projects]
        for name in names:
            it.cluster.namespace(name)
        it.cluster.apply(*(obj for obj in it.access(*names) if not obj["kind"].startswith("Cluster")))
        barrier, found = threading.Barrier(6), []

        def ask(project: str) -> None:
            runner = KubernetesJobRunner(it.connect(), it.settings, it.clock, fresh_seconds=0)
            barrier.wait()
            found.append(runner.ensure(of_project(project, number), tag(number), force=False))

        threads = [threading.Thread(target=ask, args=(project,)) for project in projects * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 6 and sum(not e.joined for e in found) <= 1
        it.cluster.until(lambda: len(it.cluster.objects("Job")) == 1)
        it.cluster.until(lambda: len(it.cluster.objects("Pod")) == 1)


def test_an_evicted_pod_is_replaced_and_its_log_goes_on() -> None:
    with real_site() as (it, node):
        running(it, node)
        node.log(NAME, "first")
        page = it.runner.logs(ID, "")
        assert page and page.lines == ("first",)
        first = node.pod(NAME)
        node.do("evict", NAME, "The node was low on resource: memory.")
        it.cluster.until(lambda: len(node.pods(NAME)) == 2)
        assert node.pod(NAME)["metadata"]["uid"] != first["metadata"]["uid"]
        assert (build := it.runner.status(ID)) and build.state is State.QUEUED
        node.start(NAME)
        node.log(NAME, "second")
        seen, cursor = [], page.cursor
        for _ in range(3):
            page = it.runner.logs(ID, cursor)
            assert page
            seen, cursor = [*seen, *page.lines], page.cursor
        assert seen == ["second"]
        node.end(NAME, 0, DONE)
        assert ended(it).state is State.SUCCEEDED


def test_a_pod_deleted_by_hand_is_lost() -> None:
    with real_site() as (it, node):
        running(it, node)
        pod = node.pod(NAME)
        told = brief(JobResult(state=State.CANCELLED)).decode()
        it.cluster.kubelet = None
        it.cluster.store.ask("DELETE", f"/api/v1/namespaces/{it.namespace}/pods/{pod['metadata']['name']}")
        Node.terminated(it.cluster.node, pod, "build", 1, message=told)
        build = ended(it)
        assert (build.state, build.error and build.error.code) == (State.ERRORED, "BUILDER_LOST"), build


def test_a_users_error_ends_the_job_at_once() -> None:
    with real_site() as (it, node):
        running(it, node)
        node.end(NAME, 1, "no result")
        build = ended(it)
        assert build.error and build.error.code == "BUILDER_LOST" and build.error.log_tail == ("no result",)
        assert len(node.pods(NAME)) == 1
        reasons = [c["reason"] for c in it.cluster.objects("Job")[0]["status"]["conditions"] if c["status"] == "True"]
        assert "PodFailurePolicy" in reasons


def test_a_cancelled_build_stays_known_until_its_ttl() -> None:
    with real_site(settings(ttlSeconds=4)) as (it, node):
        running(it, node)
        assert it.runner.cancel(ID)
        assert ended(it).state is State.CANCELLED
        it.cluster.until(lambda: not node.pods(NAME))
        assert (again := it.runner.status(ID)) and again.state is State.CANCELLED
        it.cluster.until(lambda: it.runner.status(ID) is None)


def test_a_suspended_build_can_be_cancelled() -> None:
    with real_site(settings(ttlSeconds=2)) as (it, node):
        jobs = Jobs(it.api, it.settings)
        jobs.release = lambda found, made: False  # type: ignore[method-assign]
        jobs.start(job()(1), 1, now=it.clock.now())
        assert (build := it.runner.cancel(ID)) and build.state is State.CANCELLED
        it.cluster.until(lambda: it.runner.status(ID) is None)
        assert not node.pods(NAME)


def test_a_deadline_is_a_timeout() -> None:
    with real_site() as (it, node):
        running(it, node)
        it.cluster.store.ask(
            "PATCH",
            f"/apis/batch/v1/namespaces/{it.namespace}/jobs/{NAME}",
            {"spec": {"activeDeadlineSeconds": 1}},
            "application/merge-patch+json",
        )
        assert ended(it).state is State.TIMED_OUT


def test_a_result_outlives_its_pod() -> None:
    with real_site() as (it, node):
        running(it, node)
        node.end(NAME, 0, DONE)
        build = ended(it)
        assert build.state is State.SUCCEEDED
        it.cluster.node.gone(node.pods(NAME)[0])
        it.cluster.until(lambda: not node.pods(NAME))
        assert it.runner.status(ID) == build


def test_a_namespace_whose_standard_the_pod_does_not_meet_is_named_with_what_to_change() -> None:
    """Daemonless, in a restricted namespace: the Job is admitted, its pods are not."""
    with real_site() as (it, _):
        label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
        it.cluster.store.ask("PATCH", f"/api/v1/namespaces/{it.namespace}", label, "application/merge-patch+json")
        it.runner.ensure(job(), tag(), force=False)

        def told() -> str:
            it.clock.sleep(5)
            build = it.runner.status(ID)
            return build.step.title if build and build.step else ""

        title = it.cluster.until(told)
        assert "violates PodSecurity" in title and "label the namespace" in title, title


def test_a_service_account_that_is_missing_is_named() -> None:
    with real_site(settings(serviceAccount="absent")) as (it, _):
        it.runner.ensure(job(), tag(), force=False)

        def told() -> str:
            it.clock.sleep(5)
            build = it.runner.status(ID)
            return build.step.title if build and build.step else ""

        title = it.cluster.until(told)
        assert "create it, or name another in kubernetes.serviceAccount" in title, title


def test_a_full_namespace_answers_429() -> None:
    with real_site() as (it, _):
        quota: dict[str, Any] = {"metadata": {"name": "q", "namespace": it.namespace}}
        quota["spec"] = {"hard": {"count/jobs.batch": "1"}}
        it.cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
        it.cluster.until(lambda: it.cluster.objects("ResourceQuota", it.namespace)[0].get("status", {}).get("used"))
        it.runner.ensure(job(1), tag(1), force=False)
        error = refused(it, 2)
        assert error.code == "TOO_MANY_BUILDS" and error.retry_after_seconds, error


def test_a_missing_right_is_named_with_the_role_to_grant() -> None:
    with real_site() as (it, _):
        it.runner = KubernetesJobRunner(it.connect("default"), it.settings, it.clock, fresh_seconds=0)
        error = refused(it)
        assert error.code == "DATAPLANE_DENIED"
        for words in ("list jobs.batch", it.namespace, f":{it.home}:default", "docs/kubernetes.md"):
            assert words in error.detail, error.detail


def test_a_missing_namespace_is_named_or_made() -> None:
    with real_site(settings(createNamespaces=True), wide=True) as (it, _):
        new = f"{it.cluster.run}-new-development"
        it.cluster.store.namespaces.append(new)
        it.cluster._made.append((BY_PATH["", "v1", "namespaces"], new))
        number = secrets.randbits(100)
        ensured = it.runner.ensure(of_project("new", number), tag(number), force=False)
        assert not ensured.joined and it.cluster.objects("Job")[0]["metadata"]["namespace"] == new


def test_reading_goes_on_when_a_continue_token_expires() -> None:
    """The token has the server's form, for a version that etcd has compacted."""
    with real_site() as (it, _):
        for number in range(4):
            it.runner.ensure(job(number), tag(number), force=False)
        jobs = f"/apis/batch/v1/namespaces/{it.namespace}/jobs?limit=2"
        token = it.cluster.store.ask("GET", jobs)["metadata"]["continue"]
        try:
            it.cluster.store.ask("GET", f"{jobs}&continue={_old(token)}")
        except Refused as gone:
            assert gone.code == 410
        else:
            pytest.skip("this cluster is so young that its etcd has not yet forgotten anything (ten minutes)")
        assert len(_Forgetful(it.api).find(Job, it.namespace, size=2)) == 4


def _old(token: str) -> str:
    document = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    return base64.urlsafe_b64encode(json.dumps({**document, "rv": 1}).encode()).decode().rstrip("=")


class _Forgetful(Cluster):
    """Requests its second page with a token of version 1."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster._client)

    def _ask(self, verb: str, kind: Any, **options: Any) -> Any:
        params = options.get("params") or {}
        if token := params.get("continue"):
            params["continue"] = _old(token)
        return super()._ask(verb, kind, **options)


def test_a_list_is_read_page_by_page_and_filtered_by_the_server() -> None:
    with real_site() as (it, _):
        for number in range(5):
            it.runner.ensure(job(number), tag(number), force=False)
        assert len(it.api.find(Job, it.namespace, size=2)) == 5
        assert len(it.runner.list(BuildQuery(project="default")).builds) == 5
        assert it.runner.list(BuildQuery(project="other")).builds == ()


def test_a_foreign_job_of_the_same_name_is_not_touched() -> None:
    with real_site() as (it, _):
        pod = {"containers": [{"name": "x", "image": "x"}], "restartPolicy": "Never"}
        foreign = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": NAME, "namespace": it.namespace}}
        it.cluster.apply({**foreign, "spec": {"suspend": True, "template": {"spec": pod}}})
        assert "not Boatyard's" in refused(it).detail
        assert len(it.cluster.objects("Job")) == 1 and it.runner.status(ID) is None


def test_a_released_job_is_not_withdrawn_and_a_suspended_one_is() -> None:
    with real_site() as (it, _):
        jobs = Jobs(it.api, it.settings)
        jobs.release = lambda found, made: False  # type: ignore[method-assign]
        jobs.start(job()(1), 1, now=it.clock.now())
        (found,) = jobs.of_tag(tag())
        it.runner.ensure(job(), tag(), force=False)
        jobs.withdraw(found)
        assert len(jobs.of_tag(tag())) == 1
        jobs.start(job(2)(1), 2, now=it.clock.now())
        jobs.withdraw(jobs.of_tag(tag(2))[0])
        it.cluster.until(lambda: not jobs.of_tag(tag(2)))


def test_what_cannot_be_changed_is_refused_with_the_servers_words() -> None:
    with real_site() as (it, _):
        it.runner.ensure(job(), tag(), force=False)
        with pytest.raises(BoatyardError) as found:
            it.api.merge(Job, NAME, it.namespace, {"spec": {"completions": 2}})
        assert found.value.code == "DATAPLANE_DENIED" and "immutable" in found.value.detail


def test_a_log_that_the_node_cannot_give_does_not_hide_the_build() -> None:
    with real_site() as (it, node):
        running(it, node)
        node.log(NAME, "a line")
        it.cluster.endpoint.close()
        build = it.runner.status(ID)
        assert build and build.state is State.RUNNING
        with pytest.raises(BoatyardError) as found:
            it.runner.logs(ID, "")
        assert found.value.code == "DATAPLANE_UNAVAILABLE"


def test_secrets_are_written_and_asked_for_without_being_read() -> None:
    with real_site() as (it, _):
        store = KubernetesSecretStore(it.api, it.settings)
        scope = Scope("default", "development")
        login = b'{"auths":{"r.test":{"username":"u","password":"p"}}}'
        store.put(scope, "TOKEN", SecretValue(kind="build", value=b"one"))
        store.put(scope, "TOKEN", SecretValue(kind="build", value=b"two"))
        store.put(scope, "pull", SecretValue(kind="image_pull", value=login))
        assert store.missing(scope, ["TOKEN", "pull", "other"]) == ("other",)
        with pytest.raises(Refused) as found:
            _as_function(it, f"/api/v1/namespaces/{it.namespace}/secrets")
        assert found.value.code == 403


def _as_function(it: RealSite, where: str) -> Any:
    from tests.kubernetes.real.store import ApiStore
    from tests.kubernetes.site import FUNCTION

    config = it.cluster.kubeconfig(it.home, FUNCTION).get()
    assert config
    store = ApiStore(config)
    try:
        return store.ask("GET", where)
    finally:
        store.close()
