"""What holds for every test."""

import pytest
from hypothesis import HealthCheck, settings

# No example is timed: machines are noisy, and what is slow is measured by `make bench`.
settings.register_profile("boatyard", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("boatyard")

TOGETHER = ("engine", "terraform")
"""The groups that are longer than a file, the longest first, as what starts last decides when all is done."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Says which tests keep together when several run at a time, as `make test` has them.

    There is one engine: a test that kills a build on it or empties its cache never runs beside another that builds.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(config, item)))
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _rank(_group(config, item)))


def _group(config: pytest.Config, item: pytest.Item) -> str:
    path = item.path.relative_to(config.rootpath / "tests")
    if path.parts[0] == "terraform":
        return "terraform"
    return "engine" if item.get_closest_marker("integration") else path.as_posix()


def _rank(group: str) -> int:
    return TOGETHER.index(group) if group in TOGETHER else len(TOGETHER)
