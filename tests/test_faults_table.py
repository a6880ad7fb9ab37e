"""docs/faults.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
_ROW = re.compile(r"\| `(tests/[a-z_/]+\.py)::(?:(Test\w+)::)?(test_\w+)` \|$")


def test_every_row_of_a_table_names_a_test_that_exists() -> None:
    rows = [line for line in (ROOT / "docs" / "faults.md").read_text("utf-8").splitlines() if line.startswith("| ")]
    faults = [line for line in rows if not line.startswith("| fault ")]
    assert len(faults) > 40
    for line in faults:
        found = _ROW.search(line)
        assert found, line
        source = (ROOT / found[1]).read_text("utf-8")
        assert not found[2] or re.search(rf"^class {found[2]}\b", source, re.MULTILINE), line
        assert re.search(rf"^\s*def {found[3]}\(", source, re.MULTILINE), line
