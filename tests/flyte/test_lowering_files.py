"""The files in an image, and their names."""

from pathlib import Path

import flyte
import pytest

from boatyard.context import Context
from boatyard.errors import BoatyardError
from boatyard_flyte.lowering import lower
from boatyard_flyte.order import contents_of
from tests.flyte.images import named
from tests.flyte.projects import write


def entries(image: flyte.Image) -> list[str]:
    """Files in the context, sorted."""
    made = contents_of(lower(image))
    assert made is not None
    return [entry.path for entry in made.entries if entry.kind == "file"]


def context(image: flyte.Image) -> Context:
    made = contents_of(lower(image))
    assert made is not None
    return made.context


def test_names_hold_no_path_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "some where", {"a.txt": "", "app/main.py": ""})
    monkeypatch.chdir(folder)
    image = named("x").with_source_file(Path("a.txt")).with_source_file(folder / "a.txt", dst="/b")
    image = image.with_source_folder(folder / "app").with_source_folder(Path("../some where/app"))
    assert lower(image).spec["layers"] == [
        {"copyConfig": {"src": "0/a.txt", "dst": "."}},
        {"copyConfig": {"src": "1/a.txt", "dst": "/b"}},
        {"copyConfig": {"src": "2/files", "dst": "./app"}},
        {"copyConfig": {"src": "3/files", "dst": "./app"}},
    ]
    assert entries(image) == ["0/a.txt", "1/a.txt", "2/files/main.py", "3/files/main.py"]


def test_a_folder_has_no_name_of_its_own_and_a_file_has(tmp_path: Path) -> None:
    folder = write(tmp_path / "a [b]*$", {"x y?.txt": ""})
    image = named("x").with_source_folder(folder).with_source_file(folder / "x y?.txt")
    assert lower(image).spec["layers"] == [
        # The SDK makes dst of the name; its dollar sign is no variable.
        {"copyConfig": {"src": "0/files", "dst": "./a [b]*\\$"}},
        {"copyConfig": {"src": "1/x y?.txt", "dst": "."}},
    ]


def test_a_file_that_copy_cannot_name_comes_in_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "new\nline"
    file.write_text("")
    image = named("x").with_source_file(file, dst="/there/")
    assert lower(image).spec["layers"] == [{"copyConfig": {"src": "0", "dst": "/there/"}}]
    assert entries(image) == ["0/new\nline"]
    with pytest.raises(BoatyardError, match="dst must be a folder"):
        lower(named("x").with_source_file(file, dst="/there"))


def test_the_last_dockerignore_counts_wherever_it_stands(tmp_path: Path) -> None:
    folder = write(tmp_path, {"app/a.md": "", "app/a.py": "", "one": "*.py\n", "two": "# no\n\n*.md\n"})
    image = named("x").with_dockerignore(folder / "one").with_source_folder(folder / "app")
    assert entries(image) == ["0/files/a.md"]
    assert entries(image.with_dockerignore(folder / "two")) == ["0/files/a.py"]
    with pytest.raises(BoatyardError, match="with_dockerignore: there is no file"):
        lower(image.with_dockerignore(folder / "three"))


def test_else_the_one_of_the_root_directory_counts(tmp_path: Path) -> None:
    folder = write(tmp_path, {"app/a.md": "", "app/a.py": "", ".dockerignore": "*.md\n"})
    image = named("x").with_source_folder(folder / "app")
    assert entries(image) == ["0/files/a.md", "0/files/a.py"]
    flyte.init(image_builder="boatyard", root_dir=folder)
    assert entries(image) == ["0/files/a.py"]


def test_patterns_are_read_as_flyte_reads_them(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {f"app/{name}": "" for name in ("keep/x", "drop/x", "drop/back", "deep/a.log", "A.LOG", "deep/er/secret.key")},
    )
    write(folder, {"ignore": "drop\n!drop/back\n*.log\n**/*.key\n"})
    image = named("x").with_dockerignore(folder / "ignore").with_source_folder(folder / "app")
    made = contents_of(lower(image))
    assert made is not None
    ours = {entry.path.removeprefix("0/files/") for entry in made.entries if entry.kind == "file"}
    from flyte._internal.imagebuild.utils import copy_files_to_context, get_and_list_dockerignore

    there = copy_files_to_context(folder / "app", tmp_path / "context", get_and_list_dockerignore(image))
    theirs = {path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file()}
    assert ours == theirs
    assert "drop/back" in ours
    assert "drop/x" not in ours


def test_python_caches_are_left_out_unless_a_pattern_wants_them(tmp_path: Path) -> None:
    folder = write(tmp_path, {"app/a.py": "", "app/__pycache__/a.pyc": "", "app/in/__pycache__/b.pyc": ""})
    image = named("x").with_source_folder(folder / "app")
    assert entries(image) == ["0/files/a.py"]
    write(folder, {"ignore": "!__pycache__\n"})
    assert entries(image.with_dockerignore(folder / "ignore")) == ["0/files/__pycache__/a.pyc", "0/files/a.py"]


def test_a_folder_without_any_file_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {"app/in/__pycache__/a.pyc": ""})
    with pytest.raises(BoatyardError, match=r"with_source_folder\('app'\): the folder has no file"):
        lower(named("x").with_source_folder(folder / "app"))


def test_links_to_files_are_files(tmp_path: Path) -> None:
    folder = write(tmp_path, {"outside": "content", "app/a": ""})
    (folder / "app/link").symlink_to(folder / "outside")
    (folder / "app/gone").symlink_to("nowhere")
    assert entries(named("x").with_source_folder(folder / "app")) == ["0/files/a", "0/files/link"]


def test_the_same_files_elsewhere_have_the_same_context(tmp_path: Path) -> None:
    files = {"b.py": "b", "a.py": "a", "in/c.py": "c", "run.sh": "#!/bin/sh\n"}
    one = write(tmp_path / "one" / "app", files)
    two = write(tmp_path / "other place" / "app", dict(reversed(files.items())))
    for folder in (one, two):
        (folder / "run.sh").chmod(0o755)
    for path in two.rglob("*"):
        if path.name != "run.sh" and path.is_file():
            path.chmod(0o600)
    (two / "__pycache__").mkdir()
    (two / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"of this machine")
    images = [named("x").with_source_folder(folder).with_source_file(folder / "a.py") for folder in (one, two)]
    specs = [lower(image).spec for image in images]
    assert specs[0] == specs[1]
    assert context(images[0]) == context(images[1])
    (two / "run.sh").chmod(0o644)
    assert context(images[0]) != context(images[1])
