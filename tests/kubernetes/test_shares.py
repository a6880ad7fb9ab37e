"""No project fills a cluster: neither its queue nor, if limited, its running builds."""

from collections.abc import Callable

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard.settings import Limits
from boatyard_kubernetes.access import function_access
from boatyard_kubernetes.names import job_name
from tests.kubernetes.site import FUNCTION, HOME, Site, limited, settings, site
from tests.local.jobs import job, tag


def of(project: str, number: int) -> Callable[[int], BuildJob]:
    return lambda attempt: msgspec.structs.replace(job(number)(attempt), project=project)


def namespaces(it: Site, *projects: str) -> None:
    subject = {"kind": "ServiceAccount", "name": FUNCTION, "namespace": HOME}
    for project in projects:
        it.cluster.namespace(f"{project}-development")
        made = function_access(it.settings, subject, [f"{project}-development"])
        it.cluster.apply(*(o.to_dict() for o in made if not type(o).__name__.startswith("Cluster")))  # type: ignore[attr-defined]


def ask(it: Site, project: str, number: int) -> str:
    return it.runner.ensure(of(project, number), tag(number), force=False).build.id


def refused(it: Site, project: str, number: int) -> BoatyardError:
    with pytest.raises(BoatyardError) as error:
        ask(it, project, number)
    assert error.value.code == "TOO_MANY_BUILDS" and error.value.meaning.retryable and error.value.retry_after_seconds
    return error.value


def test_a_project_that_asks_for_a_thousand_builds_leaves_room_for_others() -> None:
    with site(limited(settings(), Limits(queued_builds=8))) as (it, _):
        namespaces(it, "busy", "other")
        for number in range(4):
            ask(it, "busy", number)
        assert "busy/development has 4 builds waiting" in refused(it, "busy", 4).detail
        for number in range(10, 12):
            ask(it, "other", number)
        jobs = it.cluster.objects("Job")
        assert len(jobs) == 6, "what is refused leaves no Job"


def test_a_share_that_is_set_holds() -> None:
    with site(limited(settings(), Limits(queued_builds=100, queued_builds_per_project=2))) as (it, _):
        namespaces(it, "busy", "other")
        ask(it, "busy", 0), ask(it, "busy", 1)
        assert "limits.queuedBuildsPerProject is 2" in refused(it, "busy", 2).detail
        ask(it, "other", 10)


def test_what_runs_counts_where_that_is_limited() -> None:
    limits = Limits(queued_builds=100, concurrent_builds_per_project=2)
    with site(limited(settings(), limits)) as (it, node):
        namespaces(it, "busy", "other")
        for number in range(2):
            node.start(job_name(ask(it, "busy", number)))
        assert "limits.concurrentBuildsPerProject is 2" in refused(it, "busy", 2).detail
        node.start(job_name(ask(it, "other", 10)))
        assert it.runner.ensure(of("busy", 1), tag(1), force=False).joined, "joining needs no room"
        node.end(job_name(f"{tag(0)}-1"), 1, "")
        ask(it, "busy", 2)
