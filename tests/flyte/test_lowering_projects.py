"""uv and Poetry projects: the local files that are copied and affect the key."""

from pathlib import Path
from typing import Any

import flyte
import pytest

from boatyard.errors import BoatyardError
from boatyard.order import Order
from boatyard.ports import Scope
from boatyard.spec import parse_spec
from boatyard_flyte.lowering import lower
from tests.core.orders import planned
from tests.flyte.images import named
from tests.flyte.projects import write
from tests.flyte.test_lowering_files import context, entries

_PROJECT = '[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{requires}]\n'
_BUILD = '[build-system]\nrequires = ["uv_build>=0.8"]\nbuild-backend = "uv_build"\n'


def project(name: str, requires: str = "", more: str = "") -> str:
    return _PROJECT.format(name=name, requires=requires) + more + _BUILD


def layer(image: flyte.Image) -> dict[str, Any]:
    (found,) = lower(image).spec["layers"]
    (kind,) = found
    content: dict[str, Any] = found[kind]
    return content


def key(image: flyte.Image) -> str:
    order = Order(spec=parse_spec(lower(image).spec), scope=Scope("p", "d"), context=context(image))
    return planned(order).keys.image


def uv(folder: Path, **more: Any) -> flyte.Image:
    return named("x").with_uv_project(folder / "pyproject.toml", **more)


def whole(folder: Path) -> flyte.Image:
    return uv(folder, project_install_mode="install_project")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A root that needs the member lib and a folder beside it; the member unused needs a wheel, and deep none."""
    sources = '[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = ["packages/out"]\n'
    sources += '[tool.uv.sources]\nlib = { workspace = true }\nbeside = { path = "../beside" }\n'
    wheel = '[tool.uv.sources]\nw = { path = "../../wheels/w-1-py3-none-any.whl" }\n'
    return write(
        tmp_path / "all" / "app",
        {
            "pyproject.toml": project("app", '"lib", "beside"', sources),
            "uv.lock": "a lock",
            "src/app/__init__.py": "",
            "packages/lib/pyproject.toml": project("lib"),
            "packages/lib/src/lib/__init__.py": "",
            "packages/lib/.venv/bin/python": "",
            "packages/unused/pyproject.toml": project("unused", '"w"', wheel),
            "packages/unused/src/unused/__init__.py": "",
            "packages/out/pyproject.toml": project("out"),
            "wheels/w-1-py3-none-any.whl": "a wheel",
            "../beside/pyproject.toml": project(
                "beside", '"deep"', '[tool.uv.sources]\ndeep = { path = "../deep", editable = true }\n'
            ),
            "../beside/src/beside/__init__.py": "",
            "../deep/pyproject.toml": project("deep"),
            "../deep/src/deep/__init__.py": "",
            "../unrelated/pyproject.toml": project("unrelated"),
        },
    )


def test_dependencies_only_with_all_that_uv_reads_at_its_relative_place(workspace: Path) -> None:
    image = uv(workspace)
    assert layer(image) == {
        "pyproject": "0/project",
        "uvlock": "0/project/uv.lock",
        "options": {"extraArgs": "--no-install-project"},
        "sourceDir": "0",
    }
    assert entries(image) == [
        "0/beside/pyproject.toml",
        "0/beside/src/beside/__init__.py",
        "0/deep/pyproject.toml",
        "0/deep/src/deep/__init__.py",
        "0/project/packages/lib/pyproject.toml",
        "0/project/packages/lib/src/lib/__init__.py",
        "0/project/packages/unused/pyproject.toml",
        "0/project/pyproject.toml",
        "0/project/uv.lock",
        "0/project/wheels/w-1-py3-none-any.whl",
    ]


def test_a_member_has_the_workspaces_lock_and_root(workspace: Path) -> None:
    image = uv(workspace / "packages" / "lib")
    found = layer(image)
    assert (found["pyproject"], found["uvlock"], found["sourceDir"]) == (
        "0/project/packages/lib",
        "0/project/uv.lock",
        "0",
    )
    assert {"0/project/pyproject.toml", "0/project/packages/lib/pyproject.toml", "0/beside/pyproject.toml"} <= set(
        entries(image)
    )
    assert "0/project/packages/lib/src/lib/__init__.py" not in entries(image)
    assert "0/project/packages/lib/src/lib/__init__.py" in entries(whole(workspace / "packages" / "lib"))


def test_a_lock_that_is_named_takes_the_place_of_the_workspaces_own(workspace: Path) -> None:
    given = workspace.parent / "other.lock"
    given.write_text("given")
    image = uv(workspace / "packages" / "lib", uvlock=given)
    sources = {source.path: source.file for source in lower(image).sources}
    assert sources["0/project/uv.lock"] == given
    assert layer(image)["uvlock"] == "0/project/uv.lock"
    assert entries(image).count("0/project/uv.lock") == 1


def test_a_project_that_a_workspace_leaves_out_stands_alone(workspace: Path) -> None:
    image = uv(workspace / "packages" / "out")
    assert layer(image)["pyproject"] == "0/packages/out"
    assert entries(image) == ["0/packages/out/pyproject.toml", "0/pyproject.toml"]  # uv takes settings from above


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("pyproject.toml", True),
        ("uv.lock", True),
        ("packages/lib/src/lib/__init__.py", True),
        ("packages/unused/pyproject.toml", True),
        ("wheels/w-1-py3-none-any.whl", True),
        ("../deep/src/deep/__init__.py", True),
        ("src/app/__init__.py", False),
        ("packages/unused/src/unused/__init__.py", False),
        ("packages/out/pyproject.toml", False),
        ("../unrelated/pyproject.toml", False),
    ],
)
def test_the_key_has_what_uv_reads_and_nothing_else(workspace: Path, file: str, counts: bool) -> None:
    before = key(uv(workspace))
    path = workspace / file
    path.write_text(f"{path.read_text()}\n# changed\n")
    assert (key(uv(workspace)) != before) is counts


def test_all_members_go_along_whole_when_one_may_be_asked_for(workspace: Path) -> None:
    assert "0/project/packages/unused/src/unused/__init__.py" in entries(uv(workspace, extra_args="--package unused"))


@pytest.mark.parametrize("mode", ["dependencies_only", "install_project"])
def test_a_checkouts_own_name_is_not_in_the_key(workspace: Path, mode: Any) -> None:
    before = key(uv(workspace, project_install_mode=mode))
    other = workspace.rename(workspace.with_name("app@2"))
    assert key(uv(other, project_install_mode=mode)) == before


def test_a_path_dependency_brings_the_workspace_that_it_is_in(tmp_path: Path) -> None:
    root = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
    member = "[tool.uv.sources]\ntwo = { workspace = true }\n"
    folder = write(
        tmp_path,
        {
            "app/pyproject.toml": project("app", '"one"', '[tool.uv.sources]\none = { path = "../other/libs/one" }\n'),
            "other/pyproject.toml": root,
            "other/libs/one/pyproject.toml": project("one", '"two"', member),
            "other/libs/one/src/one/__init__.py": "",
            "other/libs/two/pyproject.toml": project("two"),
            "other/libs/two/src/two/__init__.py": "",
            "other/libs/three/pyproject.toml": project("three"),
            "other/libs/three/src/three/__init__.py": "",
        },
    )
    assert entries(uv(folder / "app")) == [
        "0/other/libs/one/pyproject.toml",
        "0/other/libs/one/src/one/__init__.py",
        "0/other/libs/three/pyproject.toml",
        "0/other/libs/two/pyproject.toml",
        "0/other/libs/two/src/two/__init__.py",
        "0/other/pyproject.toml",
        "0/project/pyproject.toml",
    ]


def test_the_settings_above_a_project_go_along(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "top",
        {
            "uv.toml": 'find-links = ["./wheels"]\n',
            "wheels/x-1-py3-none-any.whl": "",
            "app/pyproject.toml": project("app"),
            "app/.python-version": "3.11\n",
        },
    )
    assert entries(uv(folder / "app")) == [
        "0/project/.python-version",
        "0/project/pyproject.toml",
        "0/uv.toml",
        "0/wheels/x-1-py3-none-any.whl",
    ]
    (folder / "wheels/x-1-py3-none-any.whl").unlink()
    (folder / "wheels").rmdir()
    with pytest.raises(BoatyardError, match=r"the index '\./wheels' is no folder"):
        lower(uv(folder / "app"))


def test_a_pyproject_may_have_another_name(tmp_path: Path) -> None:
    folder = write(tmp_path, {"pyproject.toml": "", "pyproject.gpu.toml": project("app", '"torch"'), "poetry.lock": ""})
    for image in (
        named("x").with_uv_project(folder / "pyproject.gpu.toml"),
        named("x").with_poetry_project(folder / "pyproject.gpu.toml"),
    ):
        sources = {source.path: source.file for source in lower(image).sources}
        assert sources["0/pyproject.toml"] == folder / "pyproject.gpu.toml"


def test_a_uv_toml_beside_the_project_counts_in_both_modes(tmp_path: Path) -> None:
    folder = write(tmp_path, {"pyproject.toml": project("app"), "uv.toml": 'exclude-newer = "2023-01-01T00:00:00Z"\n'})
    before = [key(uv(folder)), key(whole(folder))]
    write(folder, {"uv.toml": 'exclude-newer = "2024-01-01T00:00:00Z"\n'})
    assert {key(uv(folder)), key(whole(folder))}.isdisjoint(before)


_DYNAMIC = (
    '[project]\nname = "app"\nversion = "1"\ndynamic = ["dependencies"]\n[tool.setuptools.dynamic]\n'
    'dependencies = { file = ["requirements.txt"] }\n'
    '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
)


@pytest.mark.parametrize("lock", ["", "a lock"])
def test_what_dynamic_dependencies_are_read_from_goes_along_and_counts(tmp_path: Path, lock: str) -> None:
    files = {"pyproject.toml": _DYNAMIC, "requirements.txt": "six\n", **({"uv.lock": lock} if lock else {})}
    folder = write(tmp_path, files)
    before = key(uv(folder))
    assert "0/requirements.txt" in entries(uv(folder))
    write(folder, {"requirements.txt": "idna\n"})
    assert key(uv(folder)) != before


def test_a_dynamic_version_is_read_only_where_no_lock_makes_it_needless(tmp_path: Path) -> None:
    text = '[project]\nname = "app"\ndynamic = ["version"]\n[tool.hatch.version]\npath = "app.py"\n'
    text += '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    folder = write(tmp_path, {"pyproject.toml": text, "app.py": '__version__ = "1"\n'})
    assert "0/app.py" in entries(uv(folder))
    write(folder, {"uv.lock": "a lock"})
    assert "0/app.py" not in entries(uv(folder))


def test_files_outside_that_the_build_names_go_along(tmp_path: Path) -> None:
    text = project("app").replace("dependencies", 'readme = "../README.md"\ndependencies')
    folder = write(
        tmp_path, {"README.md": "hello", "other": "", "app/pyproject.toml": text, "app/src/app/__init__.py": ""}
    )
    assert entries(whole(folder / "app")) == [
        "0/README.md",
        "0/project/pyproject.toml",
        "0/project/src/app/__init__.py",
    ]


_FROM_GIT = (
    '[project]\nname = "my-app"\ndynamic = ["version"]\n[tool.hatch.version]\nsource = "vcs"\n'
    '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
)


def test_a_version_from_git_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = write(tmp_path, {"pyproject.toml": _FROM_GIT, ".git/HEAD": "", "ignore": "!.git\n"})
    with pytest.raises(BoatyardError, match=r"'my-app' comes from git \(hatch-vcs\).*SETUPTOOLS_SCM_PRETEND_VERSION"):
        lower(whole(folder))
    for variable in ("SETUPTOOLS_SCM_PRETEND_VERSION", "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_MY_APP"):
        told = named("x").with_env_vars({variable: "1.2"})
        assert lower(told.with_uv_project(folder / "pyproject.toml", project_install_mode="install_project"))
    assert "0/.git/HEAD" in entries(whole(folder).with_dockerignore(folder / "ignore"))


def test_git_is_needed_only_for_what_is_built(tmp_path: Path) -> None:
    folder = write(tmp_path, {"pyproject.toml": _FROM_GIT, "uv.lock": "a lock"})
    assert entries(uv(folder)) == ["0/pyproject.toml", "0/uv.lock"]
    write(folder, {"pyproject.toml": _FROM_GIT.replace('source = "vcs"', 'source = "vcs"\nfallback-version = "0"')})
    assert lower(whole(folder))


def test_history_and_environments_are_no_part_of_a_project(tmp_path: Path) -> None:
    files = {
        ".git/HEAD": "",
        ".venv/bin/python": "",
        "a.egg-info/PKG-INFO": "",
        "src/app/__init__.py": "",
        ".env": "T=1",
    }
    folder = write(tmp_path, {"pyproject.toml": project("app"), **files})
    assert entries(whole(folder)) == ["0/pyproject.toml", "0/src/app/__init__.py"]


def test_a_whole_project_with_what_is_ignored_put_back(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "my app",
        {
            "pyproject.toml": project("app"),
            "uv.lock": "",
            "src/app/__init__.py": "",
            "notes.md": "",
            "ignore": "*.toml\n*.lock\n*.md\n",
        },
    )
    image = named("x").with_dockerignore(folder / "ignore")
    image = image.with_uv_project(folder / "pyproject.toml", project_install_mode="install_project", extra_args="-q")
    assert layer(image) == {"pyproject": "0", "uvlock": "0/uv.lock", "options": {"extraArgs": "-q"}, "sourceDir": "0"}
    assert entries(image) == ["0/ignore", "0/pyproject.toml", "0/src/app/__init__.py", "0/uv.lock"]


@pytest.mark.parametrize(
    ("requires", "sources", "reason"),
    [
        (
            '"lib"',
            '[tool.uv.sources]\nlib = { path = "../gone" }\n',
            r"'lib' is expected in .*gone', which does not exist",
        ),
        ('"lib"', '[tool.uv.sources]\nlib = { path = "../empty" }\n', "which is not a Python project"),
        ('"lib"', '[tool.uv.sources]\nlib = { path = "../note.txt" }\n', "neither a folder nor a wheel"),
        ('"lib"', '[tool.uv.sources]\nlib = { path = "/srv/lib" }\n', r"local path.*\[tool.uv.sources\] lib"),
        ('"lib @ file:///srv/lib"', "", r"local path.*\[tool.uv.sources\] lib = \{ path"),
        ('"lib"', '[[tool.uv.index]]\nurl = "/srv/wheels"\n', "the index '/srv/wheels' is a path of this machine"),
    ],
)
def test_what_cannot_go_along_is_refused_with_what_to_write(
    tmp_path: Path, requires: str, sources: str, reason: str
) -> None:
    folder = write(tmp_path, {"app/pyproject.toml": project("app", requires, sources), "note.txt": "", "empty/x": ""})
    with pytest.raises(BoatyardError, match=reason) as refused:
        lower(uv(folder / "app"))
    assert refused.value.code == "INVALID_SPEC"


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "project = 3",
        "[project]\nname = 3\ndependencies = 4",
        "[tool.uv]\nsources = 3\nworkspace = 4\nindex = 5",
        "[tool]\nuv = 3",
        '[tool.uv.workspace]\nmembers = ["../../..", "/etc", "**", 3]\nexclude = 3',
        "[dependency-groups]\ndev = 3",
        "[project.optional-dependencies]\nx = [3]",
        '[project]\ndependencies = ["@", ";;", ""]',
    ],
)
def test_a_pyproject_that_says_nonsense_is_refused_or_left_to_uv(tmp_path: Path, text: str) -> None:
    folder = write(tmp_path, {"in/app/pyproject.toml": text}) / "in" / "app"
    for image in (uv(folder), whole(folder)):
        try:
            lower(image)
        except BoatyardError as error:
            assert error.code == "INVALID_SPEC"


def test_arguments_that_are_paths_go_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, {"pyproject.toml": project("app"), "dist/x-1-py3-none-any.whl": ""})
    monkeypatch.chdir(folder)
    image = uv(folder, extra_args="--find-links ./dist --no-dev")
    assert layer(image)["options"]["extraArgs"] == "--find-links ./_local/0 --no-dev --no-install-project"
    assert "0/_local/0/x-1-py3-none-any.whl" in entries(image)
    with pytest.raises(BoatyardError, match=r"extra_args --project \.\./b: name the project's pyproject.toml"):
        lower(uv(folder, extra_args="--project ../b"))


_POETRY = '[tool.poetry]\nname = "app"\nversion = "1"\n'


def _poetry_lock(*paths: str) -> str:
    return "".join(
        f'[[package]]\nname = "p{n}"\nversion = "1"\n[package.source]\ntype = "{kind}"\nurl = "{url}"\n'
        for n, path in enumerate(paths)
        for kind, url in [path.split(":")]
    )


def test_poetry_dependencies_and_the_whole_project(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "app",
        {
            "pyproject.toml": _POETRY,
            "poetry.lock": "",
            "app/__init__.py": "",
            ".venv/pyvenv.cfg": "",
            "poetry.toml": "",
        },
    )
    image = named("x").with_poetry_project(folder / "pyproject.toml", extra_args="--only main")
    assert layer(image) == {
        "pyproject": "0/pyproject.toml",
        "poetryLock": "0/poetry.lock",
        "extraArgs": "--only main --no-root",
        "sourceDir": "0",
    }
    assert entries(image) == ["0/poetry.lock", "0/poetry.toml", "0/pyproject.toml"]
    image = named("x").with_poetry_project(folder / "pyproject.toml", project_install_mode="install_project")
    assert layer(image) == {"pyproject": "0", "poetryLock": "0/poetry.lock", "sourceDir": "0"}
    assert entries(image) == ["0/app/__init__.py", "0/poetry.lock", "0/poetry.toml", "0/pyproject.toml"]


def test_poetrys_path_dependencies_go_along_and_count(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "app/pyproject.toml": _POETRY,
            "app/poetry.lock": _poetry_lock("directory:../lib", "file:../dist/w-1-py3-none-any.whl"),
            "lib/pyproject.toml": _POETRY,
            "lib/lib/__init__.py": "",
            "dist/w-1-py3-none-any.whl": "",
            "dist/other.txt": "",
        },
    )
    image = named("x").with_poetry_project(folder / "app/pyproject.toml")
    assert layer(image)["pyproject"] == "0/project/pyproject.toml"
    assert entries(image) == [
        "0/dist/w-1-py3-none-any.whl",
        "0/lib/lib/__init__.py",
        "0/lib/pyproject.toml",
        "0/project/poetry.lock",
        "0/project/pyproject.toml",
    ]
    before = key(image)
    write(folder, {"lib/lib/__init__.py": "X = 1\n"})
    assert key(image) != before


@pytest.mark.parametrize(
    ("path", "reason"), [("directory:../gone", "does not exist"), ("directory:/", "absolute path")]
)
def test_a_path_that_poetry_cannot_have_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    folder = write(tmp_path, {"pyproject.toml": _POETRY, "poetry.lock": _poetry_lock(path)})
    with pytest.raises(BoatyardError, match=reason):
        lower(named("x").with_poetry_project(folder / "pyproject.toml"))
