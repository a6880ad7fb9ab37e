import json
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from boatyard_buildkit.rawjson import LogPiece, RawJsonParser, Text, Update
from tests.buildkit import captured


def parse(*pieces: bytes) -> list[Update | Text]:
    parser = RawJsonParser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return [*events, *parser.close()]


def test_an_object_over_many_lines_and_one_on_a_line_are_the_same() -> None:
    document = {"vertexes": [{"digest": "sha256:1", "name": "[1/2] FROM x", "error": "}\n{"}]}
    indented = json.dumps(document, indent=2).encode() + b"\n"
    compact = json.dumps(document).encode() + b"\n"
    assert parse(indented) == parse(compact)
    assert isinstance(parse(compact)[0], Update)


def test_text_between_objects_is_kept() -> None:
    events = parse(b'{\n  "logs": null\n}\nERROR: failed to solve: no\n{\n  "vertexes": []\n}\n')
    assert [type(event) for event in events] == [Update, Text, Update]
    assert events[1] == Text("ERROR: failed to solve: no")


def test_an_object_that_breaks_off_comes_out_as_text() -> None:
    assert parse(b'{\n  "logs": [') == [Text("{"), Text('  "logs": [')]


def test_an_object_cut_off_by_another_loses_only_itself() -> None:
    events = parse(b'{\n  "logs": [\n{\n  "vertexes": []\n}\n')
    assert events[-1] == Update(vertexes=())


def test_terminal_codes_and_bytes_that_are_no_utf8_are_text() -> None:
    events = parse(b"\x1b[31mred\x1b[0m \xff\xfe\n")
    assert isinstance(events[0], Text)


def test_base64_that_is_none_is_an_empty_piece() -> None:
    assert LogPiece("v", 1, "a").text() == b""


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    parser = RawJsonParser()
    for _ in range(40):
        for event in parser.feed(b"x" * 1024 * 1024):
            assert isinstance(event, Text) and len(event.line) <= 64 * 1024


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_whatever_comes_it_does_not_raise(pieces: list[bytes]) -> None:
    parse(*pieces)


@given(data=st.data())
def test_how_the_bytes_are_cut_does_not_matter(data: st.DataObject) -> None:
    _, _, output = captured.load("dockerfile-run")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(output)), max_size=12)))
    edges = [0, *cuts, len(output)]
    assert parse(*(output[a:b] for a, b in pairwise(edges))) == parse(output)


def test_a_real_stream_has_no_unread_object() -> None:
    for path in sorted(Path(captured.FOLDER).glob("*.jsonl")):
        _, _, output = captured.load(path.stem)
        assert not [event for event in parse(output) if isinstance(event, Text) and event.line.startswith("{")]
