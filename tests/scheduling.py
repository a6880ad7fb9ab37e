"""Groups of tests that `make test` (`pytest -n`) must run together.

Tests of one group run one after the other in one process, and share what was set up for them.
"""

from collections.abc import Iterable
from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

# A killed build can take another with it that shares its steps (boatyard_buildkit/shared_steps.py). Boatyard's job then
# solves again, `docker build` does not. So what kills builds never runs beside what builds without Boatyard.
KILLS = ("tests/buildkit/test_stops.py", "tests/kubernetes/test_whole_way.py", "tests/local/test_real_jobs.py")
BUILDS_WITHOUT_US = (
    "tests/azure/test_whole_way.py",
    "tests/builder/",
    "tests/client/test_dockerignore.py",
    "tests/flyte/",
    "tests/gcp/test_whole_way.py",
    "tests/whole/test_build_contexts.py",
)

GROUPS: Final = {
    "docker": (*KILLS, *BUILDS_WITHOUT_US, "tests/local/test_quickstart.py"),
    "engine": (
        "tests/aws/test_archive_engine.py",
        "tests/aws/test_whole_way.py",
        "tests/azure/test_whole_way_aks.py",
        "tests/buildkit/test_builds.py",
        "tests/buildkit/test_failures.py",
        "tests/buildkit/test_isolation.py",
        "tests/client/test_cli_doctor.py",
        "tests/contract/test_registry.py",
        "tests/gcp/test_whole_way_gke.py",
        "tests/kubernetes/test_cli_doctor.py",
        "tests/layers/test_as_buildkit.py",
        "tests/layers/test_image.py",
        "tests/layers/test_real_base.py",
        "tests/local/engine/test_real.py",
        "tests/registry/test_copying.py",
        "tests/registry/test_referrers.py",
        "tests/registry/test_pruning.py",
        "tests/whole/",
    ),
    "terraform": ("tests/terraform/",),
    "pythons": ("tests/pythons/",),
}
"""The longest first: what starts last decides when all is done."""


def group(nodeid: str) -> str:
    """A file is a group, but for those that have to keep together."""
    for name, places in GROUPS.items():
        if nodeid.startswith(places):
            return name
    return nodeid.partition("::")[0]


def arrange(items: list[pytest.Item]) -> None:
    order = list(GROUPS)
    items.sort(key=lambda item: order.index(name) if (name := group(item.nodeid)) in GROUPS else len(GROUPS))


def forgotten(items: Iterable[pytest.Item]) -> set[str]:
    """Files that use what is there once, and are in no group for it."""
    using = (item.nodeid for item in items if item.get_closest_marker("integration"))
    return {nodeid.partition("::")[0] for nodeid in using if group(nodeid) not in GROUPS}


class Scheduler(LoadScopeScheduling):
    """xdist's own, by our groups. (Its `--dist loadgroup` writes into node ids, which pytest 9.2 no longer heeds.)"""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
