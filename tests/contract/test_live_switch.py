"""Without BOATYARD_LIVE, or without the names of an account's resources, the live suites are skipped and say how to run
them."""

import importlib
from pathlib import Path

import pytest

from tests.contract.live import live, named

TESTS = Path(__file__).resolve().parent.parent
MODULES = sorted(path.relative_to(TESTS.parent) for path in TESTS.glob("*/live/test_*.py"))


def test_each_cloud_has_its_suites() -> None:
    assert {path.parts[1] for path in MODULES} == {"aws", "azure", "gcp"} and len(MODULES) > 20


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_live_suite_runs_only_if_its_cloud_is_named(path: Path) -> None:
    module = importlib.import_module(".".join(path.with_suffix("").parts))
    assert module.pytestmark == live(path.parts[1])


@pytest.mark.parametrize("value", ["", "aws", "gcp"])
def test_another_cloud_or_none_is_skipped_and_the_reason_says_how(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOATYARD_LIVE", value)
    mark = live("gcp").mark
    assert mark.name == "skipif" and mark.args == (value != "gcp",)
    assert "BOATYARD_LIVE=gcp runs it" in mark.kwargs["reason"]
    assert "tests/contract/README.md" in mark.kwargs["reason"]


def test_a_name_that_is_not_set_skips_the_test_and_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOATYARD_LIVE_BUCKET", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"BOATYARD_LIVE_BUCKET is not set; tests/contract/README\.md"):
        named("BOATYARD_LIVE_BUCKET")
    monkeypatch.setenv("BOATYARD_LIVE_BUCKET", "b")
    assert named("BOATYARD_LIVE_BUCKET") == "b"


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES}), ids=str)
def test_live_suites_read_names_only_where_a_missing_one_skips(folder: Path) -> None:
    for path in (TESTS.parent / folder).glob("*.py"):
        for line in path.read_text().splitlines():
            assert "environ[" not in line, (path, line)
