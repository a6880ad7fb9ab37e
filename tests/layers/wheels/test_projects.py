"""Layers of uv projects and uv scripts are what `uv sync` itself installs at the real path."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard.spec import PipOptions, UVProject, UVScript
from boatyard_layers.errors import NotExact
from boatyard_layers.wheels.project_words import project_words
from tests.flyte import index
from tests.layers.wheels.conftest import UV, Image, packages
from tests.layers.wheels.tiny import Tree, compared, sdist, tree, wheel

DEPENDENCIES_ONLY = PipOptions(extra_args="--no-install-project")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("index")
    wheel(folder, "alpha", "1.0", requires=("beta",), scripts="alpha = alpha:main")
    wheel(folder, "alpha", "2.0", requires=("beta>=1",))
    wheel(folder, "beta", "0.5", {"beta.py": "b = 'one'\n", "beta_old.py": "pass\n"})
    wheel(folder, "beta", "1.1", {"beta.py": "b = 'two'\n"})
    wheel(folder, "gamma", "1.0", extras={"more": "delta"})
    wheel(folder, "delta", "1.0")
    wheel(folder, "tool", "1.0", scripts="tool = tool:main")
    sdist(folder, "source", "1.0")
    with index.serve(folder, "", hashes=True) as url:
        yield folder, f"{url}/public/simple"


@pytest.fixture
def indexed(image: Image, served: tuple[Path, str]) -> Image:
    image.index, image.address = served
    return image


def project(image: Image, *dependencies: str, more: str = "", lock: bool = True) -> UVProject:
    """A project below the context, locked by uv."""
    folder = image.work / "project"
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10"\n'
        f"dependencies = {list(dependencies)}\n{more}"
    )
    if lock:
        sync(image, folder, "lock")
    return UVProject(
        pyproject="project", uvlock="project/uv.lock" if lock else "", options=DEPENDENCIES_ONLY, source_dir="project"
    )


def sync(image: Image, folder: Path, *words: str) -> Tree:
    """Runs uv in a folder as a step of the Dockerfile does; what is in the environment then."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(image.work),
        "UV_CACHE_DIR": str(image.cache),
        "SOURCE_DATE_EPOCH": "315532800",
        "UV_COMPILE_BYTECODE": "1",
        "UV_LINK_MODE": "copy",
        "UV_PYTHON": str(image.venv / "bin" / "python"),
        "UV_INDEX_URL": image.address,
        "VIRTUAL_ENV": str(image.venv),
    }
    ended = subprocess.run((str(UV), *words), env=environment, cwd=folder, umask=0o022, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return compared(tree(image.venv))


def synced(image: Image, *words: str) -> Tree:
    return sync(image, image.work / "project", "sync", "--active", "--inexact", "--no-editable", *words)


GROUPS = """\
[dependency-groups]
dev = ["tool"]
test = ["delta"]
[project.optional-dependencies]
more = ["gamma[more]"]
[tool.uv]
constraint-dependencies = ["alpha<2"]
"""


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ((), "--locked --extra more"),
        (("alpha==2.0", "delta"), "--frozen --exact --only-group test --only-group dev --no-install-package gamma"),
    ],
)
def test_a_locked_project_is_what_uv_sync_installs(indexed: Image, before: tuple[str, ...], words: str) -> None:
    layer = project(indexed, "alpha", more=GROUPS)
    if before:
        indexed.make(packages(*before))
        indexed.real("--index-url", indexed.address, *before)
    options = PipOptions(extra_args=f"--no-install-project {words}")
    made = indexed.make(UVProject(pyproject="project", uvlock=layer.uvlock, options=options, source_dir="project"))
    assert indexed.made == synced(indexed, "--no-install-project", *words.split())
    assert indexed.facts.inventory == indexed.described().inventory
    assert indexed.facts.files == indexed.described().files
    versions = {each.name: each.version for each in made.packages}
    assert versions == ({"tool": "1.0"} if before else {**VERSIONS, "delta": "1.0", "gamma": "1.0", "tool": "1.0"})
    assert made.removed == (("alpha", "beta") if before else ())
    assert all(wheel.sha256 for package in made.packages for wheel in package.wheels)


VERSIONS = {"alpha": "1.0", "beta": "1.1"}


def test_a_project_without_a_lock_is_resolved_and_one_that_is_upgraded_again(indexed: Image) -> None:
    made = indexed.make(project(indexed, "alpha<2", lock=False))
    assert {each.name: each.version for each in made.packages} == VERSIONS
    project(indexed, "alpha<2")
    project(indexed, "alpha", lock=False)
    options = PipOptions(extra_args="--no-install-project --upgrade")
    layer = UVProject(pyproject="project", uvlock="project/uv.lock", options=options, source_dir="project")
    assert [each.version for each in indexed.make(layer).packages] == ["2.0"]
    assert indexed.made == synced(indexed, "--upgrade", "--no-install-project")


def test_a_lock_from_elsewhere_and_of_another_index_is_adapted(indexed: Image) -> None:
    project(indexed, "alpha")
    place = indexed.work / "project" / "uv.lock"
    (indexed.work / "locks").mkdir()
    text = place.read_text()
    (indexed.work / "locks" / "uv.lock").write_text(text.replace(indexed.address, "https://elsewhere.example/simple"))
    place.unlink()
    options = PipOptions(index_url=indexed.address, extra_args="--no-install-project")
    layer = UVProject(pyproject="project", uvlock="locks/uv.lock", options=options, source_dir="project")
    made = indexed.make(layer, environment={})
    assert {each.index for each in made.packages} == {indexed.address}
    assert indexed.made == synced(indexed, "--no-install-project")


def test_a_workspace_member_finds_its_lock_above(indexed: Image) -> None:
    (indexed.work / "project" / "member").mkdir(parents=True)
    (indexed.work / "project" / "member" / "pyproject.toml").write_text(
        '[project]\nname = "member"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["gamma[more]"]\n'
    )
    project(indexed, "alpha", more='[tool.uv.workspace]\nmembers = ["member"]\n')
    layer = UVProject(
        pyproject="project/member", uvlock="project/uv.lock", options=DEPENDENCIES_ONLY, source_dir="project"
    )
    assert [each.name for each in indexed.make(layer).packages] == ["delta", "gamma"]
    words = ("sync", "--active", "--inexact", "--no-editable", "--locked", "--no-install-project")
    assert indexed.made == sync(indexed, indexed.work / "project" / "member", *words)


@pytest.mark.parametrize("locked", [True, False])
def test_a_script(indexed: Image, locked: bool) -> None:
    (indexed.work / "s").mkdir()
    (indexed.work / "s" / "job.py").write_text(
        '# /// script\n# dependencies = ["alpha"]\n#\n# [tool.uv]\n# constraint-dependencies = ["alpha<2"]\n# ///\n'
    )
    if locked:
        sync(indexed, indexed.work / "s", "lock", "--script", "job.py")
    made = indexed.make(UVScript(script="s/job.py", lock="s/job.py.lock" if locked else ""))
    assert [(each.name, each.version) for each in made.packages] == [("alpha", "1.0"), ("beta", "1.1")]
    words = ("sync", "--active", "--inexact", "--no-editable", *(["--locked"] if locked else []), "--script", "job.py")
    assert indexed.made == sync(indexed, indexed.work / "s", *words)


BACKEND = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.mark.parametrize(
    ("dependencies", "more", "words", "reason"),
    [
        (["source"], "", "--no-install-project", "built from source"),
        (["alpha"], BACKEND, "", "app does not come from an index"),
        (["alpha"], '[tool.uv]\nfind-links = ["/x"]\n', "--no-install-project", "find-links"),
        (["alpha"], '[[tool.uv.index]]\nurl = "file:///x"\n', "--no-install-project", "no HTTP"),
    ],
)
def test_what_is_left_to_the_builder(
    indexed: Image, dependencies: list[str], more: str, words: str, reason: str
) -> None:
    project(indexed, *dependencies, more=more, lock=False)
    (indexed.work / "project" / "backend.py").write_text(f"open({str(indexed.index / 'it-ran')!r}, 'w').close()\n")
    options = PipOptions(extra_args=words)
    with pytest.raises(NotExact, match=reason):
        indexed.make(UVProject(pyproject="project", options=options, source_dir="project"))
    assert not (indexed.index / "it-ran").exists()


def test_a_lock_that_does_not_fit_is_left_to_the_builder(indexed: Image) -> None:
    layer = project(indexed, "alpha")
    project(indexed, "alpha", "gamma", lock=False)
    with pytest.raises(NotExact, match="uv ended"):
        indexed.make(layer)
    with pytest.raises(NotExact, match="does not fit"):
        indexed.make(layer, environment={"UV_INDEX_URL": indexed.address, "UV_DEFAULT_INDEX": indexed.address})


def test_a_link_out_of_the_project_is_left_to_the_builder(indexed: Image) -> None:
    layer = project(indexed, "alpha")
    (indexed.work / "project" / "link").symlink_to("/etc")
    with pytest.raises(NotExact, match="leads outside"):
        indexed.make(layer)


@pytest.mark.parametrize(
    ("words", "reason"), [("--no-binary", "--no-binary"), ("--check", "--check"), ("--group $X", "variable")]
)
def test_options_that_mean_something_else_here_are_left_to_the_builder(words: str, reason: str) -> None:
    with pytest.raises(NotExact, match=reason):
        project_words(UVProject(pyproject="p", options=PipOptions(extra_args=words)), {})
