"""What the runner promises beyond the contract: crash windows, rivals, endings, waiting, retention."""

import base64
import json
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from lightkube.resources.batch_v1 import Job

from boatyard.build import Phase, State
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobResult
from boatyard.lifecycle import failure
from boatyard.ports import BuildQuery
from boatyard_buildkit.termination import brief
from boatyard_kubernetes import KubernetesJobRunner
from boatyard_kubernetes.jobs import Jobs
from boatyard_kubernetes.names import job_name
from tests.kubernetes.loopback.job_controller import JOBS
from tests.kubernetes.loopback.resources import BY_PATH
from tests.kubernetes.loopback.status import Refused
from tests.kubernetes.site import NAMESPACE, Site, limited, settings, site
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
NAME = job_name(ID)
DONE = brief(JobResult(state=State.SUCCEEDED, digest="sha256:" + "b" * 64)).decode()


def scoped(project: str, number: int = 0) -> Callable[[int], BuildJob]:
    return lambda attempt: msgspec.structs.replace(job(number)(attempt), project=project)


def dying(made: Site, method: str, path: str) -> None:
    """The function dies just before its request `method` to `path`."""

    def fault(asked: str, where: str) -> Refused | None:
        return Refused(500, "died") if asked == method and path in where else None

    made.cluster.server.fault = fault
    with pytest.raises(BoatyardError) as refused:
        made.runner.ensure(job(), tag(), force=False)
    assert refused.value.code == "DATAPLANE_UNAVAILABLE" and refused.value.meaning.retryable
    made.cluster.server.fault = None


@pytest.mark.parametrize(("method", "path"), [("POST", "/secrets"), ("PATCH", "/jobs/")])
def test_whoever_asks_next_finishes_what_a_dead_function_began(method: str, path: str) -> None:
    with site() as (it, node):
        dying(it, method, path)
        assert not it.cluster.objects("Pod"), "nothing runs, and no node is held, before the plan is there"
        assert (found := it.runner.status(ID)) and found.state is State.QUEUED
        ensured = it.runner.ensure(job(), tag(), force=False)
        assert ensured.joined and ensured.build.id == ID
        assert len(it.cluster.objects("Secret")) == 1
        node.start(NAME)
        node.end(NAME, 0, DONE)
        assert (found := it.runner.status(ID)) and found.state is State.SUCCEEDED


def test_the_plan_goes_with_its_job() -> None:
    with site() as (it, _):
        it.runner.ensure(job(), tag(), force=False)
        (secret,) = it.cluster.objects("Secret")
        assert secret["immutable"] and secret["metadata"]["ownerReferences"][0]["kind"] == "Job"
        it.cluster.store.remove(JOBS, NAMESPACE, NAME)
        it.cluster.settle()
        assert not it.cluster.objects("Secret") and not it.cluster.objects("Pod")
        assert it.runner.status(ID) is None
        assert not it.runner.ensure(job(), tag(), force=False).joined


def test_a_plan_that_no_secret_can_hold_is_refused_and_leaves_nothing() -> None:
    def large(attempt: int) -> BuildJob:
        return msgspec.structs.replace(job()(attempt), dockerfile="#" * 1_100_000)

    with site() as (it, _):
        with pytest.raises(BoatyardError) as refused:
            it.runner.ensure(large, tag(), force=False)
        assert refused.value.code == "INVALID_SPEC"
        assert not it.cluster.objects("Job")


def test_two_namespaces_that_ask_for_one_tag_at_once_get_one_build() -> None:
    with site() as (it, _):
        for project in ("one", "two", "three"):
            it.cluster.namespace(f"{project}-development")
        it.cluster.apply(*_more_access(it, "one-development", "two-development", "three-development"))
        runners = [KubernetesJobRunner(it.connect(), it.settings, it.clock, fresh_seconds=0) for _ in range(6)]
        barrier, found = threading.Barrier(6), []

        def ask(runner: KubernetesJobRunner, project: str) -> None:
            barrier.wait()
            found.append(runner.ensure(scoped(project), tag(), force=False))

        threads = [
            threading.Thread(target=ask, args=(runner, ("one", "two", "three")[number % 3]))
            for number, runner in enumerate(runners)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 6 and sum(not e.joined for e in found) <= 1
        assert len(it.cluster.objects("Job")) == 1, [j["metadata"]["namespace"] for j in it.cluster.objects("Job")]
        assert len(it.cluster.objects("Pod")) == 1


def test_rivals_that_both_died_are_cleared_away() -> None:
    with site() as (it, _):
        for project in ("one", "two"):
            it.cluster.namespace(f"{project}-development")
        it.cluster.apply(*_more_access(it, "one-development", "two-development"))
        dying_at = Refused(500, "died")
        for project in ("one", "two"):
            it.cluster.server.fault = lambda m, p: dying_at if m == "POST" and "/secrets" in p else None
            jobs = Jobs(it.api, it.settings)
            jobs._find = lambda labels: []  # type: ignore[method-assign]  # neither has seen the other
            with pytest.raises(BoatyardError):
                jobs.start(scoped(project)(1), 1, now=it.clock.now())
        it.cluster.server.fault = None
        assert len(it.cluster.objects("Job")) == 2
        assert it.runner.ensure(scoped("two"), tag(), force=False).joined
        assert len(it.cluster.objects("Job")) == 1 and len(it.cluster.objects("Pod")) == 1


def _more_access(it: Site, *namespaces: str) -> list[dict[str, Any]]:
    from boatyard_kubernetes.access import function_access
    from tests.kubernetes.site import FUNCTION, HOME

    subject = {"kind": "ServiceAccount", "name": FUNCTION, "namespace": HOME}
    made = [obj.to_dict() for obj in function_access(it.settings, subject, namespaces)]  # type: ignore[attr-defined]
    return [obj for obj in made if not obj["kind"].startswith("Cluster")]


def test_a_result_outlives_its_pod() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.end(NAME, 0, DONE)
        build = it.runner.status(ID)
        node.cluster.node.gone(node.pods(NAME)[0])
        assert it.runner.status(ID) == build and build and build.image
        page = it.runner.logs(ID, "")
        assert page and page.done and page.lines == ()


def test_a_result_is_kept_although_the_job_controller_writes_at_that_moment() -> None:
    """It writes its conditions one after another, and a real one was seen to be in between again and again."""
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.end(NAME, 0, DONE)
        left = [1, 2, 3]

        def meanwhile(method: str, path: str) -> None:
            if method == "PATCH" and left:
                at = left.pop()
                it.cluster.store.change(JOBS, NAMESPACE, NAME, lambda o: o["status"].update(ready=at))

        it.cluster.server.fault = meanwhile
        assert (build := it.runner.status(ID)) and build.state is State.SUCCEEDED and not left
        it.cluster.server.fault = None
        node.cluster.node.gone(node.pods(NAME)[0])
        assert it.runner.status(ID) == build


def test_a_log_that_the_node_cannot_give_does_not_hide_the_build() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        words = 'Get "https://10.0.0.9:10250/containerLogs/": dial tcp 10.0.0.9:10250: connect: connection refused'
        it.cluster.server.fault = lambda method, path: Refused(500, words) if "/log" in path else None
        before = len(it.cluster.server.requests)
        assert (build := it.runner.status(ID)) and build.state is State.RUNNING
        assert len([path for _, path, _ in it.cluster.server.requests[before:] if "/log" in path]) == 1
        with pytest.raises(BoatyardError) as refused:
            it.runner.logs(ID, "")
        assert refused.value.code == "DATAPLANE_UNAVAILABLE" and "10.0.0.9" in refused.value.detail


def test_what_to_change_is_told_however_long_the_cluster_talks() -> None:
    """A real PodSecurity message is longer than what is shown of it."""
    with site() as (it, _):
        it.cluster.store.change(
            BY_PATH["", "v1", "namespaces"],
            "",
            NAMESPACE,
            lambda o: o["metadata"].update(labels={"pod-security.kubernetes.io/enforce": "restricted"}),
        )
        it.runner.ensure(job(), tag(), force=False)
        it.clock.sleep(10)
        build = it.runner.status(ID)
        assert build and build.step and 'violates PodSecurity "restricted:latest"' in build.step.title
        assert build.step.title.endswith("label the namespace for the level that the topology needs")


def test_a_pod_that_is_gone_before_anyone_looked_leaves_a_success_without_its_digest() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.end(NAME, 0, DONE)
        node.cluster.node.gone(node.pods(NAME)[0])
        build = it.runner.status(ID)
        assert build and build.error and build.error.code == "BUILDER_LOST" and build.error.retryable


def end(what: str, *args: Any, code: int = 137, message: str = "", **options: Any) -> Any:
    """How a build ends when its pod ends so: (state, code, text)."""
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        if what == "end":
            node.end(NAME, code, message, **options)
        else:
            node.do(what, NAME, *args, **options)
        build = it.runner.status(ID)
        assert build
        return build


def test_memory_is_the_users_to_raise() -> None:
    build = end("end", reason="OOMKilled")
    assert (build.state, build.error.code) == (
        State.FAILED,
        "OUT_OF_MEMORY",
    ) and "kubernetes.limits" in build.error.message


def test_words_without_a_result_are_told() -> None:
    build = end("end", code=1, message='{"t":1,"line":"in the log"}\nTraceback: x')
    assert build.error.code == "BUILDER_LOST" and build.error.log_tail == ("in the log", "Traceback: x")


def test_a_pod_that_somebody_deleted_is_lost_and_not_cancelled() -> None:
    told = brief(JobResult(state=State.CANCELLED, error=failure("CANCELLED", "the build was cancelled"))).decode()
    build = end("end", code=1, message=told)
    assert (build.state, build.error.code) == (State.ERRORED, "BUILDER_LOST") and "deleted it" in build.error.message
    assert build.error.log_tail == ()


def test_an_eviction_is_tried_again_and_told_while_it_waits() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.do("evict", NAME, "The node was low on resource: memory.")
        build = it.runner.status(ID)
        assert build and build.state is State.QUEUED and len(node.pods(NAME)) == 2
        node.start(NAME)
        node.end(NAME, 0, DONE)
        assert (build := it.runner.status(ID)) and build.state is State.SUCCEEDED


def test_a_pod_that_never_ran_is_tried_again_a_few_times() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        for _ in range(4):
            pod = node.pod(NAME)
            pod["status"] |= {
                "phase": "Failed",
                "reason": "OutOfcpu",
                "message": "Node didn't have enough resource: cpu",
            }
            it.cluster.store.replace(_pods(), pod)
            it.cluster.settle()
        build = it.runner.status(ID)
        assert build and build.error and build.error.code == "DATAPLANE_UNAVAILABLE"
        assert "enough resource: cpu" in build.error.message


def _pods() -> Any:
    from tests.kubernetes.loopback.job_controller import PODS

    return PODS


def test_a_deadline_is_a_timeout_even_if_the_job_took_it_for_a_cancel() -> None:
    with site() as (it, node):
        it.runner.ensure(job(timeout=60), tag(), force=False)
        node.start(NAME)
        it.clock.sleep(60 + 600 + 61)
        it.cluster.settle()
        build = it.runner.status(ID)
        assert build and build.state is State.TIMED_OUT and not node.pods(NAME)


@pytest.mark.parametrize("how", ["unschedulable", "image", "admission", "mount"])
def test_what_a_build_waits_for_is_shown_and_ends_it_in_the_end(how: str) -> None:
    account = {"serviceAccount": "absent"} if how == "admission" else {}
    with site(settings(startSeconds=300, **account)) as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        if how == "unschedulable":
            node.do("unschedulable", NAME, "0/3 nodes are available: 3 Insufficient memory.")
        elif how == "image":
            node.do("bind", NAME)
            node.do("waiting", NAME, "build", "ImagePullBackOff", "Back-off pulling image")
        elif how == "mount":
            pod = node.pod(NAME)
            it.cluster.events.tell(pod, "Warning", "FailedMount", 'secret "boatyard-buildkit-client" not found')
        it.clock.sleep(10)
        words = {
            "unschedulable": "Insufficient memory",
            "image": "cannot be pulled (ImagePullBackOff)",
            "admission": "create it, or name another in kubernetes.serviceAccount",
            "mount": "boatyard-buildkit-client",
        }[how]
        build = it.runner.status(ID)
        assert build and build.state is State.QUEUED and build.step and words in build.step.title
        it.clock.sleep(300)
        build = it.runner.status(ID)
        assert build and build.state is State.ERRORED and build.error and build.error.code == "DATAPLANE_UNAVAILABLE"
        assert words in build.error.message and "300 s" in build.error.message
        it.clock.sleep(2)
        it.cluster.settle()
        assert not node.pods(NAME)
        assert not it.runner.ensure(job(), tag(), force=False).joined


def test_a_cancelled_build_stays_known_until_its_ttl() -> None:
    with site(settings(ttlSeconds=1000)) as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        assert (build := it.runner.cancel(ID)) and build.state is State.CANCELLED
        it.clock.sleep(2)
        it.cluster.settle()
        (found,) = it.cluster.objects("Job")
        assert [c["type"] for c in found["status"]["conditions"] if c["status"] == "True"][-1] == "Failed"
        assert (again := it.runner.status(ID)) and again.state is State.CANCELLED
        assert again.finished_at == build.finished_at
        it.clock.sleep(1001)
        it.cluster.settle()
        assert it.runner.status(ID) is None


def test_a_released_and_a_suspended_build_can_be_cancelled() -> None:
    with site() as (it, _):
        dying(it, "POST", "/secrets")
        assert (build := it.runner.cancel(ID)) and build.state is State.CANCELLED
        it.clock.sleep(2)
        it.cluster.settle()
        assert not it.cluster.objects("Pod")
        assert (again := it.runner.status(ID)) and again.state is State.CANCELLED


def test_a_log_goes_on_in_the_pod_that_replaces_an_evicted_one() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.log(NAME, '{"t":1,"line":"first"}', "plain")
        page = it.runner.logs(ID, "")
        assert page and page.lines == ("first", "plain") and not page.done
        node.do("evict", NAME, "low on memory")
        it.clock.sleep(1)
        node.start(NAME)
        node.log(NAME, '{"progress":{"phases":[{"phase":"BUILD"}]}}', '{"t":2,"line":"second"}')
        seen, cursor = [], page.cursor
        for _ in range(3):
            page = it.runner.logs(ID, cursor)
            assert page
            seen, cursor = [*seen, *page.lines], page.cursor
        assert seen == ["second"]
        assert (build := it.runner.status(ID)) and build.phase is Phase.BUILD


def test_a_burst_within_one_second_is_read_to_its_end() -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        at = int(it.clock.now()) * 1_000_000_000
        lines = [f"{number:05d} " + "x" * 200 for number in range(3000)]
        node.log(NAME, *lines, at=at)
        seen: list[str] = []
        cursor = ""
        for _ in range(12):
            page = it.runner.logs(ID, cursor)
            assert page
            seen, cursor = [*seen, *page.lines], page.cursor
        assert seen == lines


def test_reading_goes_on_when_a_continue_token_expires() -> None:
    with site() as (it, _):
        for number in range(4):
            it.runner.ensure(job(number), tag(number), force=False)
        asked: list[str] = []

        def fault(method: str, path: str) -> None:
            if "continue=" in path:
                it.cluster.store.compact()
            asked.append(path)

        it.cluster.server.fault = fault
        found = it.api.find(Job, None, size=2)
        assert len(found) == 4 and any("continue=" in path for path in asked)


def test_a_list_of_many_projects_is_filtered_by_the_server() -> None:
    with site() as (it, _):
        it.runner.ensure(job(1), tag(1), force=False)
        before = len(it.cluster.server.requests)
        assert it.runner.list(BuildQuery(project="other")).builds == ()
        assert it.runner.list(BuildQuery(project="a,b=c")).builds == ()
        asked = [path for _, path, _ in it.cluster.server.requests[before:]]
        assert len(asked) == 1 and "boatyard.io%2Fproject%3Dother" in asked[0]


def test_many_who_wait_ask_the_api_server_once_a_second() -> None:
    with site() as (it, _):
        runner = KubernetesJobRunner(it.api, it.settings, it.clock, fresh_seconds=60)
        runner.ensure(job(), tag(), force=False)
        runner.status(ID)
        before = len(it.cluster.server.requests)
        for _ in range(100):
            runner.status(ID)
        assert len(it.cluster.server.requests) == before
        assert (build := runner.cancel(ID)) and build.state is State.CANCELLED
        assert (build := runner.status(ID)) and build.state is State.CANCELLED


def test_a_foreign_job_of_the_same_name_is_not_touched() -> None:
    with site() as (it, _):
        pod = {"containers": [{"name": "x", "image": "x"}], "restartPolicy": "Never"}
        metadata = {"name": NAME, "namespace": NAMESPACE}
        spec = {"template": {"spec": pod}}
        it.cluster.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
        with pytest.raises(BoatyardError) as refused:
            it.runner.ensure(job(), tag(), force=False)
        assert "not Boatyard's" in refused.value.detail
        assert it.runner.status(ID) is None and len(it.cluster.objects("Job")) == 1


def test_a_full_namespace_answers_429() -> None:
    with site() as (it, _):
        quota = {"metadata": {"name": "q", "namespace": NAMESPACE}, "spec": {"hard": {"count/jobs.batch": "1"}}}
        it.cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
        it.runner.ensure(job(1), tag(1), force=False)
        with pytest.raises(BoatyardError) as refused:
            it.runner.ensure(job(2), tag(2), force=False)
        assert refused.value.code == "TOO_MANY_BUILDS" and refused.value.retry_after_seconds


def test_a_damaged_record_is_no_build() -> None:
    with site() as (it, _):
        it.runner.ensure(job(), tag(), force=False)
        it.cluster.store.change(
            JOBS, NAMESPACE, NAME, lambda o: o["metadata"]["annotations"].update({"boatyard.io/record": json.dumps({})})
        )
        assert it.runner.status(ID) is None and it.runner.list(BuildQuery()).builds == ()


def test_a_namespace_that_is_missing_is_named_or_made() -> None:
    with site() as (it, _):
        with pytest.raises(BoatyardError) as refused:
            it.runner.ensure(scoped("new"), tag(), force=False)
        assert refused.value.code == "DATAPLANE_DENIED" and "new-development" in refused.value.detail
    with site(limited(settings(createNamespaces=True), it.settings.limits)) as (it, _):
        it.runner.ensure(scoped("new"), tag(), force=False)
        assert it.cluster.objects("Job")[0]["metadata"]["namespace"] == "new-development"


def test_without_an_image_for_jobs_none_is_made() -> None:
    with site(settings(builderImage="")) as (it, _):
        with pytest.raises(BoatyardError) as refused:
            it.runner.ensure(job(), tag(), force=False)
        assert refused.value.code == "DATAPLANE_UNAVAILABLE" and "make builder-image" in refused.value.detail
        assert it.cluster.objects("Job") == []


def test_the_job_is_told_who_it_is_to_registries() -> None:
    with site(msgspec.structs.replace(settings(), authentication_type="aws")) as (it, _):
        it.runner.ensure(job(), tag(), force=False)
        (plan,) = it.cluster.objects("Secret")
        told = json.loads(base64.b64decode(plan["data"]["settings.json"]))
        assert told["authenticationType"] == "aws"
