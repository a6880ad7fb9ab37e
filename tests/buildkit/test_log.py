"""The log contains whole lines without secrets, up to a limit."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from boatyard_buildkit import outbox
from boatyard_buildkit.lines import LineJoiner
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.redaction import Redactor


def lines(folder: Path) -> list[str]:
    return [line.line for line in outbox.read_log(folder).lines]


def make(folder: Path, *secrets: bytes, limit: int = 1024**2) -> LogFile:
    return LogFile(folder / outbox.LOG, Redactor(secrets), limit=limit, now=lambda: 1.5)


def test_lines_come_back_as_written(tmp_path: Path) -> None:
    log = make(tmp_path)
    log.write("one\ntwo")
    log.write("")
    assert lines(tmp_path) == ["one", "two", ""]


def test_terminal_controls_are_left_out(tmp_path: Path) -> None:
    make(tmp_path).write("\x1b[31mred\x1b[0m\x1b]0;title\x07 \x08plain\x00\ttab")
    assert lines(tmp_path) == ["red plain    tab"]


def test_endless_lines_are_cut(tmp_path: Path) -> None:
    make(tmp_path).write("x" * 10**6)
    assert len(lines(tmp_path)[0]) == 4096


def test_a_full_log_says_so_and_grows_no_more(tmp_path: Path) -> None:
    log = make(tmp_path, limit=2000)
    for number in range(1000):
        log.write(f"line {number}")
    assert "full" in lines(tmp_path)[-1]
    assert (tmp_path / outbox.LOG).stat().st_size < 2200


def test_a_reader_goes_on_where_it_stopped(tmp_path: Path) -> None:
    log = make(tmp_path)
    log.write("one")
    first = outbox.read_log(tmp_path)
    log.write("two")
    second = outbox.read_log(tmp_path, first.offset)
    assert [line.line for line in second.lines] == ["two"]
    assert outbox.read_log(tmp_path, second.offset) == outbox.LogSlice((), second.offset)


def test_a_line_still_being_written_waits(tmp_path: Path) -> None:
    path = tmp_path / outbox.LOG
    path.write_bytes(b'{"t":1,"line":"one"}\n{"t":2,"li')
    found = outbox.read_log(tmp_path)
    assert [line.line for line in found.lines] == ["one"]
    path.write_bytes(b'{"t":1,"line":"one"}\n{"t":2,"line":"two"}\n')
    assert [line.line for line in outbox.read_log(tmp_path, found.offset).lines] == ["two"]


def test_small_pages_lose_nothing(tmp_path: Path) -> None:
    log = make(tmp_path)
    written = [f"line {number} " + "x" * (number % 90) for number in range(200)]
    for line in written:
        log.write(line)
    read: list[str] = []
    offset = 0
    while page := outbox.read_log(tmp_path, offset, most_bytes=50):
        if page.offset == offset:
            break
        read += [line.line for line in page.lines]
        offset = page.offset
    assert read == written


def test_an_offset_beyond_the_end_is_harmless(tmp_path: Path) -> None:
    make(tmp_path).write("x")
    assert outbox.read_log(tmp_path, 10**9).lines == ()
    assert outbox.read_log(tmp_path, -5).lines == ()
    assert outbox.read_log(tmp_path / "nowhere").lines == ()


def join(*pieces: tuple[int, bytes]) -> list[str]:
    joiner = LineJoiner()
    return [line for stream, data in pieces for line in joiner.feed(stream, data)] + list(joiner.close())


def test_pieces_of_a_line_are_joined_by_stream() -> None:
    assert join((1, b"a"), (2, b"error\n"), (1, b"b\nc")) == ["error", "ab", "c"]


def test_of_a_progress_bar_the_last_state_counts() -> None:
    assert join((1, b" 5%\r 50%\r100%\r\nnext\r\n")) == ["100%", "next"]


def test_an_endless_line_is_cut_and_its_rest_dropped() -> None:
    found = join(*((1, b"x" * 60_000) for _ in range(20)), (1, b"\nnext\n"))
    assert len(found) == 2
    assert found[1] == "next"


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_how_the_output_is_cut_does_not_matter(pieces: list[bytes]) -> None:
    assert join(*((1, piece) for piece in pieces)) == join((1, b"".join(pieces)))
