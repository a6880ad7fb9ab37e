"""flyte files on the command line: the selection of an image, and the isolation of their side effects."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.commands import boatyard
from tests.client.service import MemoryService

ONE = """
import flyte
print("printed by the file")
image = flyte.Image.from_debian_base(install_flyte=False, name="mine").with_pip_packages("requests")
env = flyte.TaskEnvironment(name="main", image=image)
"""
SEVERAL = """
import flyte
base = flyte.Image.from_debian_base(install_flyte=False)
first = flyte.TaskEnvironment(name="one", image=base.with_pip_packages("a"))
second = flyte.TaskEnvironment(name="two", image=base.with_pip_packages("b"))
"""


@pytest.fixture
def one(folder: Path) -> str:
    (folder / "one.py").write_text(ONE)
    return "one.py"


def test_the_only_environments_image_is_meant(one: str) -> None:
    done = boatyard("plan", one, "--json")
    plan = done.json()
    assert plan["layers"][-1]["sdkCall"] == "with_pip_packages('requests')"
    assert "/mine:" in plan["target"]


def test_what_the_file_and_its_children_print_is_on_standard_error(folder: Path) -> None:
    (folder / "one.py").write_text(ONE + 'import os\nos.system("echo from a child")\n')
    command = [sys.executable, "-m", "boatyard_client", "plan", "one.py", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('{"key"') and done.stdout.count("\n") == 1
    assert "printed by the file" in done.stderr and "from a child" in done.stderr


def test_of_several_images_one_has_to_be_named(folder: Path) -> None:
    (folder / "several.py").write_text(SEVERAL)
    done = boatyard("plan", "several.py")
    assert done.code == 1 and "has several images: one, two; choose one with --image NAME" in done.err
    calls = [
        boatyard("plan", "several.py", "--image", name, "--json").json()["layers"][-1]["sdkCall"]
        for name in ("one", "two")
    ]
    assert calls == ["with_pip_packages('a')", "with_pip_packages('b')"]
    assert boatyard("plan", "several.py", "--image", "base", "--json").code == 0
    missing = boatyard("plan", "several.py", "--image", "three")
    assert missing.code == 1 and "no image or environment 'three'; it has base, one, two" in missing.err


def test_all_images_of_a_file_are_planned_each_once(folder: Path) -> None:
    (folder / "several.py").write_text(SEVERAL + 'third = flyte.TaskEnvironment(name="three", image=first.image)\n')
    done = boatyard("plan", "several.py", "--all", "--json")
    plans = [json.loads(line) for line in done.out.splitlines()]
    assert [(plan["imageOf"], plan["layers"][-1]["sdkCall"]) for plan in plans] == [
        ("one", "with_pip_packages('a')"),
        ("two", "with_pip_packages('b')"),
    ]
    shown = boatyard("plan", "several.py", "--all").out
    assert shown.count("dockerfile") == 2 and shown.startswith("one\n") and "\n\ntwo\n" in shown


def test_all_images_of_a_file_are_built_one_after_the_other(
    folder: Path, service: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOATYARD_URL", service.url)
    (folder / "several.py").write_text(SEVERAL)
    lines = boatyard("build", "several.py", "--all").out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["one", "two"]
    assert all("@sha256:" in line for line in lines)
    assert len(boatyard("builds", "--json").json()["builds"]) == 2


def test_all_and_one_image_are_not_asked_for_at_once(folder: Path) -> None:
    (folder / "several.py").write_text(SEVERAL)
    assert "--image names one image" in boatyard("plan", "several.py", "--all", "--image", "one").err


def test_all_images_of_a_dockerfile_are_one(folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM python:3.11-slim\n")
    assert boatyard("plan", "Dockerfile", "--all", "--json").out.count("\n") == 1


def test_a_file_may_be_called_like_a_module(folder: Path) -> None:
    (folder / "json.py").write_text(ONE)
    assert boatyard("plan", "json.py", "--json").json()["layers"]
    assert boatyard("diff", "json.py", "json.py").code == 0


def test_two_images_of_one_file_can_be_compared(folder: Path) -> None:
    (folder / "several.py").write_text(SEVERAL)
    done = boatyard("diff", "several.py", "several.py", "--image", "one", "--image-b", "two")
    assert done.code == 1 and "with_pip_packages('a') → with_pip_packages('b')" in done.out


def test_relative_files_of_an_image_are_packed(folder: Path) -> None:
    (folder / "data.txt").write_text("1")
    (folder / "f.py").write_text(
        "import flyte\nfrom pathlib import Path\n"
        "image = flyte.Image.from_debian_base(install_flyte=False)"
        ".with_source_file(Path('data.txt'), '/root/')\n"
    )
    first = boatyard("plan", "f.py", "--json").json()["key"]
    (folder / "data.txt").write_text("2")
    assert boatyard("plan", "f.py", "--json").json()["key"] != first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "raised ZeroDivisionError in line 2: division by zero"),
        ("raise SystemExit(3)", "ended with exit code 3"),
        ("def (", "is not valid Python: invalid syntax (line 2)"),
        ("import nothere", "raised ModuleNotFoundError in line 2: No module named 'nothere'"),
        ("raise ValueError", "raised ValueError in line 2"),
        ("x = 1", "defines no flyte.Image"),
        ("import flyte; e = flyte.TaskEnvironment(name='e', image='a/b:c')", "defines no flyte.Image"),
        (
            "import flyte; i = flyte.Image.from_debian_base().with_requirements('nowhere.txt')",
            "nowhere.txt",
        ),
    ],
)
def test_a_file_that_breaks_is_one_line(text: str, said: str, folder: Path) -> None:
    (folder / "bad.py").write_text(f"# a comment\n{text}\n")
    done = boatyard("plan", "bad.py")
    assert done.code == 1 and said in done.err and done.err.count("\n") == 1, done.err
    assert boatyard("plan", "bad.py", "--json").json()["error"]["detail"]


def test_without_the_plugin_it_says_what_to_install(one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["boatyard_client.inputs.load"], "entry_points", lambda **_: ())
    done = boatyard("plan", one)
    assert done.code == 1 and "pip install boatyard-flyte" in done.err
