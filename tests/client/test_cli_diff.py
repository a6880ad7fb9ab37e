"""`boatyard diff A B`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.client.commands import boatyard
from tests.client.trees import make


def spec(folder: Path, name: str, *layers: dict[str, Any], **fields: Any) -> str:
    document = {"baseImage": "python:3.12-slim", "pythonVersion": "3.12", "layers": layers, **fields}
    (folder / name).write_text(json.dumps(document))
    return name


PIP = {"pipPackages": {"packages": ["requests"]}}
MORE = {"pipPackages": {"packages": ["requests", "rich"]}}


def test_equal_images_have_one_key_and_exit_code_0(folder: Path) -> None:
    a, b = spec(folder, "a.json", PIP), spec(folder, "b.json", PIP, platform=["linux/amd64"])
    done = boatyard("diff", a, b)
    assert done.code == 0 and done.out.startswith("same key: ")
    answer = boatyard("diff", a, b, "--json").json()
    assert answer["same"] and answer["keyA"] == answer["keyB"] and answer["differences"] == []
    assert answer["keyA"] == boatyard("plan", a, "--json").json()["key"]


def test_different_images_are_told_apart_in_the_sdks_words_with_exit_code_1(folder: Path) -> None:
    a, b = spec(folder, "a.json", PIP), spec(folder, "b.json", MORE, pythonVersion="3.13")
    done = boatyard("diff", a, b)
    assert done.code == 1 and "python: 3.12 → 3.13" in done.out
    assert "with_pip_packages('requests') → with_pip_packages('requests', 'rich')" in done.out
    answer = boatyard("diff", a, b, "--json").json()
    assert not answer["same"] and [d["what"] for d in answer["differences"]] == ["python", "layer"]


def test_files_are_named(folder: Path) -> None:
    a = spec(folder, "a.json", {"copyConfig": {"src": "app", "dst": "/app"}})
    one = make(folder / "one", {"app": {"main.py": b"1", "gone": b"1", "run*": b"1"}})
    two = make(folder / "two", {"app": {"main.py": b"2", "new": b"1", "run": b"1"}})
    done = boatyard("diff", a, a, "--context", one, "--context-b", two)
    assert done.code == 1
    for line in ("changed main.py", "removed gone", "added new", "mode run"):
        assert f"      {line}\n" in done.out
    assert boatyard("diff", a, a, "--context", one).code == 0


def test_dockerfiles_can_be_compared(folder: Path) -> None:
    make(folder, {"a": {"Dockerfile": b"FROM x\nRUN a\n"}, "b": {"Dockerfile": b"FROM x\nRUN b\n"}})
    done = boatyard("diff", "a/Dockerfile", "b/Dockerfile")
    assert done.code == 1 and "-RUN a" in done.out and "+RUN b" in done.out


@pytest.mark.parametrize("arguments", [["a.json", "nowhere.json"], ["a.json"], ["a.json", "bad.json"], ["--nope"]])
def test_any_error_has_exit_code_2(arguments: list[str], folder: Path) -> None:
    spec(folder, "a.json", PIP)
    spec(folder, "bad.json", {"nope": {}})
    done = boatyard("diff", *arguments)
    assert done.code == 2 and done.err.count("\n") == 1
    assert boatyard("diff", *arguments, "--json").json()["error"]["detail"]
