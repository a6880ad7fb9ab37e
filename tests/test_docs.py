"""The documents match the code, and the tables of the code are complete."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from boatyard.api import connect
from boatyard.api.handlers import Handlers
from boatyard.api.operations import OPERATIONS
from boatyard.errors import CODES, Code
from boatyard.settings import Settings

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


def test_every_error_code_has_a_meaning() -> None:
    assert list(CODES) == list(Code)


def test_every_operation_has_a_handler() -> None:
    for operation in OPERATIONS:
        assert callable(getattr(Handlers, operation.name, None)), operation.name


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_decision_is_listed_once_by_its_title() -> None:
    listed = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    wanted = []
    for page in sorted((DOCS / "decisions").glob("0*.md")):
        number, _, title = page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(" ")
        assert page.name.startswith(number), page.name
        wanted.append(f"| [{number}]({page.name}) | {title} |")
    assert [line for line in listed.splitlines() if line.startswith("| [")] == wanted


def test_every_setting_is_in_the_configuration_table() -> None:
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    for name in _settings(Settings):
        section, _, last = name.rpartition(".")
        assert f"`{name}`" in text or (f"`.{last}`" in text and f"`{section}." in text) or f"`{name}[" in text, name


def _settings(section: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(section):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _settings(field.type, f"{field.encode_name}.")
        else:
            yield prefix + field.encode_name
