"""The documents say what the code does."""

import re
from pathlib import Path

from boatyard.api import connect
from boatyard.api.operations import OPERATIONS
from boatyard.errors import CODES

DOCS = Path(__file__).parent.parent / "docs"
ROOT = DOCS.parent


def test_every_error_code_is_in_the_table_as_it_is_in_the_code() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    expected = [
        f"| `{code}` | {m.status} | {'yes' if m.retryable else 'no'} | {m.title} | {m.advice} |"
        for code, m in CODES.items()
    ]
    assert rows == expected


def test_every_operation_is_in_the_api_table() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    for operation in OPERATIONS:
        assert f"{operation.method} {operation.path.replace('+}', '}')}" in text, operation.name
    assert connect.PATH in text


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_decision_is_listed() -> None:
    listed = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    for page in sorted((DOCS / "decisions").glob("0*.md")):
        assert f"({page.name})" in listed, page.name
