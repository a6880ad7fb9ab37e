"""A log in a growing object is read page by page, with only what the job printed."""

from collections.abc import Callable

import pytest

from boatyard.errors import BoatyardError
from boatyard_serverless.builds.growing_log import BEGIN, BeyondTheEnd, growing_page
from boatyard_serverless.builds.log import END
from boatyard_serverless.ports import RawLog

HEAD = f'starting build "b"\n\nFETCHSOURCE\nBUILD\nPulling image: builder\n{BEGIN}\n'


def reader(text: bytes | None) -> Callable[[int, int], bytes | None]:
    def read(first: int, last: int) -> bytes | None:
        if text is not None and first >= len(text):
            raise BeyondTheEnd
        return text and text[first : last + 1]

    return read


def page(text: str | None, cursor: str = "") -> RawLog | None:
    return growing_page(reader(None if text is None else text.encode()), cursor)


@pytest.mark.parametrize("text", [None, "", "starting build\n\nFETCHSOURCE\n", "starting build"])
def test_before_the_job_begins_there_is_no_log(text: str | None) -> None:
    assert page(text) is None


def test_a_line_is_given_when_it_is_whole() -> None:
    first = page(HEAD + "one\ntw")
    assert first and first.lines == ("one",)
    second = page(HEAD + "one\ntwo\r\n\nthr", first.cursor)
    assert second and second.lines == ("two", "")


def test_the_services_own_lines_are_left_out() -> None:
    text = HEAD + f"BUILD\nDONE\n{END}\nPUSH\nDONE\n"
    found = page(text)
    assert found and found.lines == ("BUILD", "DONE", END), "the job may print these words too"
    again = page(text, found.cursor)
    assert again and (again.lines, again.cursor) == ((END,), found.cursor), "the end is said again"


def test_a_long_log_comes_in_pages() -> None:
    lines = [f"{number} {'x' * 100} ü" for number in range(6000)]
    text = HEAD + "".join(f"{line}\n" for line in lines)
    read: list[str] = []
    cursor, pages = "", 0
    while (found := page(text, cursor)) and found.lines:
        read += found.lines
        cursor, pages = found.cursor, pages + 1
    assert read == lines and pages > 2


def test_a_line_without_an_end_stops_nothing() -> None:
    text = HEAD + "x" * 600_000 + "\nafter\n"
    cursor, read = "", ""
    while (found := page(text, cursor)) and found.lines:
        read, cursor = read + "".join(found.lines), found.cursor
    assert read == "x" * 600_000 + "after"


@pytest.mark.parametrize("cursor", ["0", "01", "1e3", "٣", "9" * 16, "999999", "+1", "1 ", "1\n", "f/1"])
def test_a_cursor_that_was_not_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(BoatyardError) as refused:
        page(HEAD, cursor)
    assert refused.value.code == "INVALID_SPEC" and refused.value.field == "cursor"
