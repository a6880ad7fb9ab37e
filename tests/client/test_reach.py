"""Only files that a Dockerfile can copy are packed, and only those affect its key."""

import os
from pathlib import Path

import pytest

from boatyard.spec import parse_spec
from boatyard_client.errors import MissingFileError
from boatyard_client.packing import Contents, DockerIgnore, Packer
from tests.client.trees import Tree, make

FILES: Tree = {
    "a.txt": b"1",
    "b.txt": b"2",
    "app": {"main.py": b"3", "deep": {"x": b"4"}},
    "other": {"y": b"5"},
    ".git": {"index": b"6"},
    "real": {"z": b"7"},
}


def contents(folder: Path, text: str, *, ignore: tuple[str, ...] = (), **fields: object) -> Contents | None:
    packer = Packer()
    packer.add_build_context(folder, ignore=DockerIgnore(ignore) if ignore else None)
    return packer.read_for(parse_spec({"dockerfile": text, **fields}))


def sent(folder: Path, text: str, **fields: object) -> list[str]:
    found = contents(folder, text, **fields)  # type: ignore[arg-type]
    return [entry.path for entry in found.entries] if found else []


@pytest.fixture
def source(folder: Path) -> Path:
    source = make(folder / "src", FILES)
    (source / "link").symlink_to("real")
    (source / "rooted").symlink_to("/real/z")
    (source / "up").symlink_to("../../app")
    return source


@pytest.mark.parametrize(
    ("instruction", "wanted"),
    [
        ("COPY a.txt /", ["a.txt"]),
        ("COPY ./app/deep/x /", ["app", "app/deep", "app/deep/x"]),
        ("COPY app /app", ["app", "app/deep", "app/deep/x", "app/main.py"]),
        ("COPY *.txt /", ["a.txt", "b.txt"]),
        ("COPY [ab].txt /", ["a.txt", "b.txt"]),
        ("COPY nothing* /", []),
        ("COPY ap*/main.py /", ["the whole folder"]),
        ("COPY app/*.py /", ["app", "app/main.py"]),
        ("COPY link /", ["link", "real", "real/z"]),
        ("COPY link/z /", ["link", "real", "real/z"]),
        ("COPY lin* /", ["link", "real", "real/z"]),
        ("COPY rooted /", ["real", "real/z", "rooted"]),
        ("COPY up/main.py /", ["app", "app/main.py", "up"]),
        ("ADD other /", ["other", "other/y"]),
        ("ADD https://example.com/a.txt /", []),
        ("RUN --mount=type=bind,source=other,target=/o true", ["other", "other/y"]),
        ("RUN --mount=type=bind,target=/o true", ["the whole folder"]),
        ("COPY . /", ["the whole folder"]),
        ("ARG X=other\nCOPY $X /", ["other", "other/y"]),
        ("COPY $PATH /", ["the whole folder"]),
        ("RUN true", []),
        ("COPY <<E /x\nhi\nE", []),
    ],
)
def test_what_goes_along(instruction: str, wanted: list[str], source: Path) -> None:
    everything = sorted(path.relative_to(source).as_posix() for path in source.rglob("*"))
    found = sent(source, f"FROM x\n{instruction}\n")
    assert found == (everything if wanted == ["the whole folder"] else wanted)


def test_stages_that_are_not_needed_copy_nothing(source: Path) -> None:
    text = "FROM x AS a\nCOPY a.txt /\nFROM x AS b\nCOPY b.txt /\n"
    assert sent(source, text) == ["b.txt"]
    assert sent(source, text, targetStage="a") == ["a.txt"]


@pytest.mark.parametrize(
    "text",
    ["# syntax=example.com/own/frontend\nCOPY a.txt /", "FROM x AS a\nONBUILD COPY . /app\nFROM a\nCOPY a.txt /"],
)
def test_where_nobody_can_know_everything_goes_along(text: str, source: Path) -> None:
    assert "other/y" in sent(source, text)


def test_what_is_not_reached_does_not_count_and_is_not_looked_at(source: Path) -> None:
    text = "FROM x\nCOPY app /app\nCOPY a.txt /\n"
    before = contents(source, text)
    (source / ".git/index").write_bytes(b"changed")
    (source / "other/new").write_bytes(b"1")
    os.mkfifo(source / "other/pipe")
    (source / os.fsdecode(b"caf\xe9")).write_bytes(b"no UTF-8")
    after = contents(source, text)
    assert before and after and before.context == after.context
    (source / "app/deep/x").chmod(0o600)
    changed = contents(source, text)
    assert changed and changed.context != before.context


def test_the_key_of_a_dockerfile_that_copies_nothing_has_no_files_in_it(source: Path) -> None:
    assert contents(source, "FROM x\nRUN true\n") is None


def test_a_file_that_is_left_out_is_told_with_the_pattern_and_both_lines(source: Path) -> None:
    text = "FROM x\nRUN true\nCOPY a.txt /\n"
    with pytest.raises(MissingFileError) as caught:
        contents(source, text, ignore=("# data", "*.txt", "!b.txt"))
    assert caught.value.detail == (
        "line 3 of the Dockerfile: COPY needs 'a.txt', which .dockerignore leaves out by '*.txt' (line 2)"
    )
    assert "!a.txt" in caught.value.advice and caught.value.code == "FILE_NOT_FOUND"
    assert sent(source, text.replace("a.txt", "b.txt"), ignore=("*.txt", "!b.txt")) == ["b.txt"]
    assert sent(source, "FROM x\nCOPY app /\n", ignore=("app", "!app/main.py")) == ["app", "app/main.py"]


@pytest.mark.parametrize("path", ["nope", "app/nope", "a.txt/x", "../src/nope", "/nope"])
def test_a_file_that_is_not_there_is_told_with_its_line(path: str, source: Path) -> None:
    with pytest.raises(MissingFileError, match=r"line 2 of the Dockerfile: COPY needs '.*', which is not in "):
        contents(source, f"FROM x\nCOPY {path} /\n")


def test_an_optional_file_is_a_pattern(source: Path) -> None:
    assert sent(source, "FROM x\nCOPY a.txt optional* /\n") == ["a.txt"]


def test_links_without_end_and_links_to_nothing(source: Path) -> None:
    (source / "loop").symlink_to("loop")
    assert sent(source, "FROM x\nCOPY loop* /\n") == ["loop"]
    (source / "dangling").symlink_to("gone")
    with pytest.raises(MissingFileError):
        contents(source, "FROM x\nCOPY dangling /\n")
