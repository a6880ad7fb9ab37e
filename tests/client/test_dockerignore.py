"""`.dockerignore` is applied as by BuildKit. The answers in dockerignore.json come from a real BuildKit; the
integration test compares with one again."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from boatyard_client.errors import ContextError
from boatyard_client.packing import DockerIgnore, Packer
from boatyard_client.settings_file import find_settings

RECORD: dict[str, Any] = json.loads(Path(__file__).with_name("dockerignore.json").read_text("utf-8"))
PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    for name in RECORD["files"]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for name in RECORD["emptyFolders"]:
        (folder / name).mkdir(parents=True)
    for name, target in RECORD["links"].items():
        (folder / name).symlink_to(target)
    return folder


def kept(tree: Path, ignore: DockerIgnore | None) -> set[str]:
    packer = Packer()
    packer.add_build_context(tree, ignore=ignore)
    with packer.pack() as packed:
        return {entry.path for entry in packed.contents.entries}


@pytest.mark.parametrize("text", RECORD["leftOut"])
def test_the_same_is_left_out_as_by_buildkit(text: str, tree: Path) -> None:
    expected = RECORD["leftOut"][text]
    if expected is None:
        with pytest.raises(ContextError, match="line"):
            DockerIgnore(text.split("\n"))
        return
    assert sorted(kept(tree, None) - kept(tree, DockerIgnore(text.split("\n")))) == expected


@pytest.mark.integration
def test_buildkit_still_says_so(tree: Path, tmp_path: Path) -> None:
    settings, _ = find_settings(folder=PROJECT)
    buildkit = settings.buildkit
    assert buildkit.driver == "buildx", "`make test` sets up the BuildKit that this asks"
    env = {**os.environ, "DOCKER_HOST": buildkit.docker_host, "DOCKER_CONFIG": buildkit.docker_config}
    builder = ["--builder", buildkit.builder] if buildkit.builder else []

    def ask(number: int, text: str) -> tuple[str, list[str] | None]:
        place = tmp_path / str(number)
        place.mkdir()
        (place / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        (place / "Dockerfile.dockerignore").write_text(text, "utf-8")
        command = [buildkit.docker, "buildx", "build", "--quiet", *builder, "--file", str(place / "Dockerfile")]
        command += ["--output", f"type=local,dest={place / 'out'}", str(tree)]
        done = subprocess.run(
            command, env={name: value for name, value in env.items() if value}, capture_output=True, check=False
        )
        if done.returncode:
            return text, None
        found = {str(path.relative_to(place / "out")) for path in (place / "out").rglob("*")}
        return text, sorted(everything - found)

    everything = kept(tree, None)
    # Each is a build; all of them ran when the record was made.
    texts = list(RECORD["leftOut"])[::4]
    with ThreadPoolExecutor(4) as pool:
        answers = dict(pool.map(ask, range(len(texts)), texts))
    assert answers == {text: RECORD["leftOut"][text] for text in texts}


def test_the_dockerfiles_own_file_comes_first(folder: Path) -> None:
    (folder / ".dockerignore").write_text("a\n")
    (folder / "x.Dockerfile").write_text("FROM scratch\n")
    ignore = DockerIgnore.of_context(folder, folder / "x.Dockerfile")
    assert ignore and ignore("a") and not ignore("b")
    (folder / "x.Dockerfile.dockerignore").write_text("b\n")
    ignore = DockerIgnore.of_context(folder, folder / "x.Dockerfile")
    assert ignore and ignore("b") and not ignore("a")
    assert DockerIgnore.of_context(folder / "nowhere") is None


def test_a_pattern_that_is_none_is_named_with_its_line(folder: Path) -> None:
    (folder / ".dockerignore").write_text("fine\n[a-\n")
    with pytest.raises(ContextError, match=r"\.dockerignore, line 2: '\[a-' is not a pattern"):
        DockerIgnore.of_context(folder)


def test_a_file_that_is_not_text_is_named(folder: Path) -> None:
    (folder / ".dockerignore").write_bytes(b"\xff\xfe")
    with pytest.raises(ContextError, match="cannot be read: it is not UTF-8"):
        DockerIgnore.of_context(folder)


def test_a_folder_sees_the_rules_of_its_context() -> None:
    ignore = DockerIgnore(["app/*", "!app/keep", "**/x", "!app/a/b"]).below("app")
    assert ignore("a") and not ignore("keep") and ignore("keep/x") and ignore.may_keep_below("a")
