"""Fixtures and hooks for all tests."""

import pytest
from hypothesis import HealthCheck, settings

from tests import scheduling
from tests.beside import ENGINE, Beside

# No example is timed: machines are noisy, and what is slow is measured by `make bench`.
settings.register_profile("boatyard", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For the other Pythons (tests/pythons): what they do otherwise than this one, the first examples show.
settings.register_profile("few", settings.get_profile("boatyard"), max_examples=10)
settings.load_profile("boatyard")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--start-engine", action="store_true", help="start the engine beside the first tests (with -n)")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> scheduling.Scheduler:
    if not config.getoption("--start-engine"):
        return scheduling.Scheduler(config, log)
    engine = Beside(ENGINE)
    config.add_cleanup(lambda: engine.__exit__(None, None, None))
    return scheduling.Scheduler(config, log, engine)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if forgotten := scheduling.forgotten(items):
        raise pytest.UsageError(f"tests/scheduling.py has no group for: {sorted(forgotten)}")
    if hasattr(config, "workerinput"):
        scheduling.arrange(items)
