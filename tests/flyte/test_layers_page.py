"""docs/layers.md has a row for every call, names existing tests, and gives a reason for every allowed difference."""

import re
from pathlib import Path

import flyte

from tests.flyte.conftest import ROOT
from tests.flyte.differences import ALLOWED
from tests.flyte.images import CASES

PAGE = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
WAYS = PAGE.partition("\n## ")[0]
ROWS = [line for line in WAYS.splitlines() if line.startswith("| ") and not line.startswith("| SDK")]


def test_every_method_of_the_sdk_has_a_row() -> None:
    methods = [name for name in dir(flyte.Image) if name.startswith(("from_", "with_"))]
    assert len(methods) > 20
    table = "\n".join(ROWS)
    assert [name for name in methods if f"`{name}" not in table] == []


def test_every_row_names_a_test() -> None:
    for row in ROWS:
        tests = row.rstrip("| ").rpartition("|")[2]
        cases = re.findall(r"ways\[(\w+)\]", tests)
        files = re.findall(r"test_\w+\.py", tests)
        assert cases or files, row
        assert all(case in CASES for case in cases), row
        assert all((Path(__file__).parent / file).is_file() for file in files), row


def test_every_allowed_difference_has_a_reason() -> None:
    for rule in ALLOWED:
        assert f"- *{rule.name}*: " in PAGE, rule.name
