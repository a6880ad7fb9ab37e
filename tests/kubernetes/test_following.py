"""Observing builds: logs, lists, cancellation, and the number of requests to the API server."""

import base64
import json

import pytest
from lightkube.resources.batch_v1 import Job

from boatyard.build import Phase, State
from boatyard.ports import BuildQuery
from boatyard_kubernetes import KubernetesJobRunner
from boatyard_kubernetes.names import job_name
from tests.kubernetes.loopback.job_controller import JOBS
from tests.kubernetes.site import NAMESPACE, dying, settings, site
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
NAME = job_name(ID)


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


@pytest.mark.parametrize("record", ["{}", '{"id":"boat', "", '{"x":' + "[" * 5000, "[" * 5000, '{"id":"another-1"}'])
def test_a_damaged_record_is_a_lost_build_and_the_next_attempt_is_built(record: str) -> None:
    with site() as (it, _):
        it.runner.ensure(job(), tag(), force=False)
        it.cluster.store.change(
            JOBS, NAMESPACE, NAME, lambda o: o["metadata"]["annotations"].update({"boatyard.io/record": record})
        )
        build = it.runner.status(ID)
        assert build and build.state is State.ERRORED and build.error and build.error.code == "BUILDER_LOST"
        assert [found.id for found in it.runner.list(BuildQuery()).builds] == [ID]
        ensured = it.runner.ensure(job(), tag(), force=False)
        assert ensured.build.id == f"{tag()}-2" and not ensured.joined


def test_a_build_whose_buildkitd_is_away_is_queued_with_the_reason() -> None:
    with site(settings(startSeconds=300)) as (it, node):
        it.runner.ensure(job(timeout=3000), tag(), force=False)
        node.start(NAME)
        node.log(NAME, '{"progress":{"waiting":"BuildKit cannot be reached: connection refused"}}')
        it.clock.sleep(400)
        build = it.runner.status(ID)
        assert build and build.state is State.QUEUED and build.step
        assert build.step.title == "waiting: BuildKit cannot be reached: connection refused"
        node.log(NAME, '{"progress":{"phases":[{"phase":"BUILD","seconds":null}]}}')
        build = it.runner.status(ID)
        assert build and build.state is State.RUNNING and build.phase is Phase.BUILD
        plan = base64.b64decode(it.cluster.objects("Secret")[0]["data"]["settings.json"])
        assert json.loads(plan)["waitSeconds"] == 300
