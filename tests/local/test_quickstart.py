"""`make run`, once for real, and with failing parts."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from boatyard_local import quickstart, server_process
from boatyard_local.engine import Engine, EngineError
from boatyard_local.image_run import imports
from boatyard_local.state import StateFolder
from tests.local.servers import ROOT, ServerProcess

ENGINE = Engine(
    kind="unpacked",
    docker="docker",
    docker_host="unix:///nowhere",
    docker_config="",
    builder=None,
    network="host",
    registry="127.0.0.1:1",
    platforms=("linux/amd64",),
    images=(),
    settings=Path("boatyard.toml"),
)


@pytest.fixture
def left_as_it_was() -> Iterator[None]:
    state = ROOT / ".boatyard"
    before = server_process.find(StateFolder(state))
    yield
    if before is None:
        server_process.stop(state)


@pytest.mark.integration
def test_the_example_is_built_pushed_and_run_and_then_cached(left_as_it_was: None) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "boatyard_local.quickstart"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)

    first = run()
    assert first.returncode == 0, first.stderr
    assert len(set(re.findall(r"step \d+ of (\d+)", first.stderr))) <= 1  # none if it was built before
    assert "@sha256:" in first.stderr and "cowsay 6.1" in first.stderr and "make clean" in first.stderr
    assert "one more package: " in first.stderr and f"humanize {quickstart.ONE_MORE.partition('==')[2]}" in first.stderr
    second = run()
    assert second.returncode == 0, second.stderr
    assert second.stderr.count("cached: no build") == 2 and "Boatyard running" in second.stderr


def docker(path: Path, script: str) -> Engine:
    """An engine whose docker command is a script."""
    command = path / "docker"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return msgspec.structs.replace(ENGINE, docker=str(command))


def test_what_the_image_imports_is_told(tmp_path: Path) -> None:
    engine = docker(tmp_path, """echo '["3.12.1", {"rich": ["13.9.4", null], "Cow": ["6.1", null]}]'""")
    assert imports(engine, "image") == ["Python 3.12.1 imports Cow 6.1, rich 13.9.4"]


def test_what_packages_print_is_no_answer(tmp_path: Path) -> None:
    engine = docker(tmp_path, """echo hello; echo '["3.12.1", {"rich": ["13.9.4", null]}]'; echo '[1]'; echo bye""")
    assert imports(engine, "image") == ["Python 3.12.1 imports rich 13.9.4"]


def test_what_docker_lost_is_asked_for_again(tmp_path: Path) -> None:
    once = tmp_path / "once"
    engine = docker(tmp_path, f"""test -e {once} && echo '["3.12.1", {{}}]'; touch {once}""")
    assert imports(engine, "image") == ["Python 3.12.1 imports "]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo no such image >&2; exit 125", "does not start: no such image"),
        ("exit 3", "exit code 3"),
        ("exit 0", "passes on nothing"),
        ("echo bye", "its last line is 'bye'"),
        ("""echo '["3.12.1", {"rich": ["1", "ImportError: no"]}]'""", "cannot import rich: ImportError: no"),
    ],
)
def test_an_image_that_does_not_work_is_an_error(tmp_path: Path, script: str, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        imports(docker(tmp_path, script), "image")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("raise SystemExit(1)", "did not build"),
        ("print('hello')", "did not print its image"),
        ("print('image: latest')", "did not print its image"),
    ],
)
def test_an_example_that_does_not_work_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / quickstart.EXAMPLE).write_text(script)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(quickstart.QuickstartError, match=words):
        quickstart._build("http://127.0.0.1:1")


def test_the_second_version_is_the_example_with_one_more_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").mkdir()
    (tmp_path / ".boatyard").mkdir()
    text = (ROOT / quickstart.EXAMPLE).read_text()
    (tmp_path / quickstart.EXAMPLE).write_text(text)
    copy = quickstart.with_one_more()
    assert copy and copy.read_text() == text.replace('"cowsay==6.1"', f'"{quickstart.ONE_MORE}", "cowsay==6.1"')
    (tmp_path / quickstart.EXAMPLE).write_text("an example without packages\n")
    assert quickstart.with_one_more() is None


def test_it_says_where_it_belongs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "boatyard_local.quickstart"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 1 and "project's own folder" in done.stderr and "Traceback" not in done.stderr


def test_a_build_and_a_cached_answer_are_told_apart(tmp_path: Path) -> None:
    assert quickstart.ending("http://127.0.0.1:1", "t", "x@sha256:y", 0).built is False, (
        "an answer that does not come is no build"
    )
    with ServerProcess(tmp_path / "state") as server:
        answer = server.build(seconds=0).json()
        build = server.http.get(f"/v1/builds/{answer['id']}?wait=20").json()
        token = server.authorization.removeprefix("Bearer ")
        built = quickstart.ending(server.url, token, answer["target"], build["createdAt"] - 1)
        assert built == (True, build["finishedAt"] - build["createdAt"])
        assert quickstart.ending(server.url, token, answer["target"], build["createdAt"] + 1).built is False
