"""Dockerfiles on the command line: arguments, stage, further tags, any bytes."""

from pathlib import Path

import pytest

from tests.client.commands import boatyard

TEXT = "ARG BASE\nARG V=1\nFROM ${BASE:-scratch} AS one\nFROM one AS two\n"


@pytest.fixture
def path(folder: Path) -> Path:
    made = folder / "Dockerfile"
    made.write_text(TEXT)
    return made


def key(*arguments: object) -> str:
    done = boatyard("plan", "--offline", "--json", *arguments)
    assert done.code == 0, done.err + done.out
    return str(done.json()["key"])


def test_arguments_and_the_stage_are_shown_and_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V", "from the environment")
    shown = boatyard(
        *("plan", "--offline", path, "--build-arg", "BASE=python:3.12", "--build-arg", "V", "--target", "Two"),
        *("--tag", "ghcr.io/acme/app:v1"),
    )
    assert shown.code == 0
    for row in ("stage       two", "BASE=python:3.12, V=from the environment", "tag         ghcr.io/acme/app:v1"):
        assert row in shown.out
    assert "python:3.12 → docker.io/library/python:3.12" in shown.out
    keys = {key(path), key(path, "--target", "one"), key(path, "--build-arg", "V=2"), key(path, "--build-arg", "V")}
    assert len(keys) == 4
    assert key(path) == key(path, "-t", "ghcr.io/acme/app:v1"), "a tag is no part of the image"


def test_an_argument_that_the_environment_has_not_is_left_out_as_docker_does_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("V", raising=False)
    assert key(path) == key(path, "--build-arg", "V")


@pytest.mark.parametrize("name", ["API_TOKEN", "npm_password", "KEY", "MY_SECRET_1"])
def test_an_argument_that_sounds_private_is_warned_of(path: Path, name: str) -> None:
    done = boatyard("plan", "--offline", path, "--build-arg", f"{name}=x")
    assert f"{name} stays in the image's history" in done.err and "--secret" in done.err
    assert "history" not in boatyard("plan", "--offline", path, "--build-arg", "MONKEY=x").err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--target", "three"), "no stage 'three'; it has one, two"),
        (("--build-arg", "=x"), "NAME=VALUE"),
        (("--build-arg", "BUILDKIT_CACHE_MOUNT_NS=x"), "is for the deployment to set"),
        (("-t", "app:v1"), "Docker Hub's own"),
        (("-t", "ghcr.io/a/b:" + "a" * 32), "derives from a key"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = boatyard("plan", "--offline", path, *arguments)
    assert done.code != 0 and words in done.err and done.err.count("\n") == 1


def test_other_inputs_have_neither_arguments_nor_stages(folder: Path) -> None:
    spec = folder / "spec.json"
    spec.write_text('{"baseImage": "python:3.12-slim", "pythonVersion": "3.12"}')
    for option in (("--build-arg", "A=1"), ("--target", "x")):
        done = boatyard("plan", "--offline", spec, *option)
        assert done.code == 1 and "are for Dockerfiles" in done.err


def test_any_bytes_are_a_dockerfile(folder: Path) -> None:
    keys = set()
    for number, data in enumerate(
        (b"# caf\xe9\nFROM scratch\n", b"\x0cFROM scratch\nENV A=\x1b\n", "# café\nFROM scratch".encode())
    ):
        path = folder / f"{number}.Dockerfile"
        path.write_bytes(data)
        keys.add(key(path))
        assert key(path) == key(path)
    assert len(keys) == 3
    bad = folder / "bad.Dockerfile"
    bad.write_bytes(b"FROM scratch\n# \x00\n")
    done = boatyard("plan", "--offline", bad)
    assert done.code == 1 and "line 2 holds a zero byte" in done.err


def test_a_difference_says_which_arguments(folder: Path) -> None:
    for name, args in (
        ("a", '"buildArgs": {"A": "1", "B": "1"}'),
        ("b", '"buildArgs": {"A": "2"}, "targetStage": "one"'),
    ):
        (folder / f"{name}.json").write_text('{"dockerfile": "FROM scratch AS one\\n", ' + args + "}")
    done = boatyard("diff", folder / "a.json", folder / "b.json")
    assert done.code == 1
    for words in ("build argument A has another value", "build argument B was removed", "target stage: none → one"):
        assert words in done.out
