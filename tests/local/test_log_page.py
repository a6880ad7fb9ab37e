"""A log is read while it is written, cut anywhere, and from any cursor."""

import json
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard_local.jobs import log_page
from boatyard_local.jobs.log_page import read_page


def row(line: str) -> bytes:
    return json.dumps({"t": 1.0, "line": line}, ensure_ascii=False).encode() + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def test_a_line_that_is_still_being_written_waits(log: Path) -> None:
    log.write_bytes(row("one") + row("zwei ä")[:-9])
    page = read_page(log, "", ended=False)
    assert page.lines == ("one",) and page.cursor == str(len(row("one"))) and not page.done
    log.write_bytes(row("one") + row("zwei ä"))
    assert read_page(log, page.cursor, ended=False).lines == ("zwei ä",)


def test_a_line_that_was_cut_by_a_kill_is_passed_over_at_the_end(log: Path) -> None:
    log.write_bytes(row("one") + row("two")[:-3])
    page = read_page(log, "", ended=True)
    assert page.lines == ("one",) and page.done
    assert read_page(log, page.cursor, ended=True).done


def test_no_log_at_all_is_an_empty_one(log: Path) -> None:
    assert read_page(log, "", ended=False).done is False
    assert read_page(log, "0", ended=True).done is True
    with pytest.raises(BoatyardError):
        read_page(log, "1", ended=True)


def test_a_long_log_comes_in_pages_and_no_line_is_lost(log: Path) -> None:
    lines = tuple(f"line {n} {'ü' * (n % 300)}" for n in range(5000))
    log.write_bytes(b"".join(row(line) for line in lines))
    cursor, seen, pages, done = "", [], 0, False
    while not done:
        page = read_page(log, cursor, ended=True)
        seen += page.lines
        cursor, done, pages = page.cursor, page.done, pages + 1
    assert tuple(seen) == lines and pages > 2


def test_any_offset_is_answered(log: Path) -> None:
    data = row("one") + row("zwei äöü") + row("three")
    log.write_bytes(data)
    for offset in range(len(data) + 1):
        page = read_page(log, str(offset), ended=True)
        assert page.done and set(page.lines) <= {"one", "zwei äöü", "three"}
    with pytest.raises(BoatyardError):
        read_page(log, str(len(data) + 1), ended=True)


def test_bytes_that_are_no_log_do_not_stop_the_reader(log: Path) -> None:
    log.write_bytes(b"\xff" * 300_000 + b"\n" + row("after"))
    cursor, seen = "", []
    for _ in range(5):
        page = read_page(log, cursor, ended=True)
        seen += page.lines
        cursor = page.cursor
    assert page.done and seen == ["after"]


def test_the_tail_of_a_log_and_of_a_traceback(log: Path) -> None:
    log.write_bytes(b"".join(row(str(n)) for n in range(10_000)))
    assert log_page.tail(log, 3) == ("9997", "9998", "9999")
    log.write_text("Traceback\n  x\nError: no\n")
    assert log_page.text_tail(log, 2) == ("  x", "Error: no")
    assert log_page.tail(log.with_name("none"), 3) == ()
