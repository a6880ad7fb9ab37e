"""A start collects no garbage, and leaves the collector as it was."""

import gc

import pytest

from boatyard_serverless.startup import starting


@pytest.fixture(autouse=True)
def collector() -> object:
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_meanwhile_and_later_collections_skip_what_it_created() -> None:
    frozen = gc.get_freeze_count()
    with starting():
        assert not gc.isenabled()
        kept = [{} for _ in range(1000)]
    assert gc.isenabled() and gc.get_freeze_count() >= frozen + len(kept)


def test_a_start_that_fails_leaves_it_enabled() -> None:
    with pytest.raises(ValueError), starting():
        raise ValueError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with starting():
        pass
    assert not gc.isenabled()
