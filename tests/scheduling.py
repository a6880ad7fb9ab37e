"""Groups of tests that `make test` (`pytest -n`) must run together.

Tests of one group run one after the other in one process, and share what was set up for them.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.beside import Beside

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

# A killed build can take another with it that shares its steps (boatyard_buildkit/shared_steps.py). Boatyard's job then
# solves again, `docker build` does not. So what kills builds never runs beside what builds without Boatyard.
KILLS: Final = ("tests/buildkit/test_stops.py", "tests/kubernetes/test_whole_way.py", "tests/local/test_real_jobs.py")

GROUPS: Final = {
    "docker": (
        *KILLS,
        "tests/client/test_dockerignore.py",
        "tests/flyte/",
        "tests/local/test_quickstart.py",
        "tests/whole/test_build_contexts.py",
    ),
    "engine": (
        "tests/aws/test_archive_engine.py",
        "tests/aws/test_inline_whole_way.py",
        "tests/aws/test_whole_way.py",
        "tests/azure/test_inline_whole_way.py",
        "tests/azure/test_whole_way_aks.py",
        "tests/buildkit/test_builds.py",
        "tests/buildkit/test_failures.py",
        "tests/buildkit/test_isolation.py",
        "tests/client/test_cli_doctor.py",
        "tests/contract/test_registry.py",
        "tests/gcp/test_inline_whole_way.py",
        "tests/gcp/test_whole_way_gke.py",
        "tests/kubernetes/test_cli_doctor.py",
        "tests/kubernetes/test_restricted_way.py",
        "tests/local/engine/test_real.py",
        "tests/registry/test_copying.py",
        "tests/registry/test_referrers.py",
        "tests/registry/test_pruning.py",
        "tests/whole/",
    ),
    "terraform": ("tests/terraform/",),
    "layers": (
        "tests/layers/test_as_buildkit.py",
        "tests/layers/test_both_architectures.py",
        "tests/layers/test_cache_repository.py",
        "tests/layers/test_image.py",
        "tests/layers/test_plain_base.py",
        "tests/layers/test_real_base.py",
    ),
    "pythons": ("tests/pythons/",),
    "builder images": ("tests/azure/test_whole_way.py", "tests/builder/", "tests/gcp/test_whole_way.py"),
}
"""The longest first: what starts last decides when all is done."""
LONG: Final = (
    "tests/aws/test_live.py",
    "tests/gcp/test_bundle.py",
    "tests/azure/test_killed.py",
    "tests/bundle/test_python.py",
)
"""Files of no group that take long: before the other files, for the same reason."""
ENGINE: Final = frozenset({"docker", "engine", "layers", "builder images"})
"""What waits for the engine."""
AFTER_KILLS: Final = "builder images"
"""They build without Boatyard, so they wait until all KILLS, the first of "docker", are over."""


def group(nodeid: str) -> str:
    """A file is a group, but for those that have to keep together."""
    for name, places in GROUPS.items():
        if nodeid.startswith(places):
            return name
    return nodeid.partition("::")[0]


def arrange(items: list[pytest.Item]) -> None:
    order = (*GROUPS, *LONG)

    def place(item: pytest.Item) -> tuple[int, bool]:
        name = group(item.nodeid)
        return order.index(name) if name in order else len(order), not item.nodeid.startswith(KILLS)

    items.sort(key=place)


def forgotten(items: Iterable[pytest.Item]) -> set[str]:
    """Files that use what is there once, and are in no group for it."""
    using = (item.nodeid for item in items if item.get_closest_marker("integration"))
    return {nodeid.partition("::")[0] for nodeid in using if group(nodeid) not in GROUPS}


class Scheduler(LoadScopeScheduling):
    """xdist's own, by our groups. (Its `--dist loadgroup` writes into node ids, which pytest 9.2 no longer heeds.)

    Until the engine has started, it assigns what needs none. If nothing else is left, it waits.
    """

    def __init__(self, config: pytest.Config, log: Any, engine: Beside | None = None) -> None:
        super().__init__(config, log)
        self._engine = engine

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)

    def _assign_work_unit(self, node: "WorkerController") -> None:
        name = self._next(node)
        if name is None:
            # What is left has to wait for another worker's tests: that worker goes on with it.
            node.shutdown()
            return
        self.workqueue.move_to_end(name, last=False)
        super()._assign_work_unit(node)

    def _next(self, node: "WorkerController") -> str | None:
        """The first group that this worker can run now."""
        killing = self._kills_are_left(but=node)
        waiting = [name for name in self.workqueue if not (killing and name == AFTER_KILLS)]
        if self._engine is not None and not self._engine.is_over:
            without = [name for name in waiting if name not in ENGINE]
            if without:
                return without[0]
        if waiting and waiting[0] in ENGINE and self._engine is not None:
            failed, self._engine = self._engine.wait(), None
            if failed is not None:
                pytest.exit(f"the engine did not start:\n{failed}", returncode=1)
        return waiting[0] if waiting else None

    def _kills_are_left(self, but: "WorkerController") -> bool:
        """A worker runs its tests in order, so what it kills itself is over before what it gets now."""
        units = (self.workqueue, *(units for node, units in self.assigned_work.items() if node is not but))
        tests = (test for unit in units for test in unit.get("docker", {}).items())
        return any(nodeid.startswith(KILLS) and not over for nodeid, over in tests)
