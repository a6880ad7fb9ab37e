"""uv and Poetry projects, and uv scripts."""

from pathlib import Path
from typing import Any

import flyte
import pytest

from boatyard.errors import BoatyardError
from boatyard_flyte.lowering import lower
from tests.flyte.images import named
from tests.flyte.projects import lock, write
from tests.flyte.test_lowering_files import entries

_PROJECT = '[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{requires}]\n'
_BUILD = '[build-system]\nrequires = ["uv_build>=0.8"]\nbuild-backend = "uv_build"\n'


def project(name: str, requires: str = "", more: str = "") -> str:
    return _PROJECT.format(name=name, requires=requires) + more + _BUILD


def layer(image: flyte.Image) -> dict[str, Any]:
    (found,) = lower(image).spec["layers"]
    (kind,) = found
    content: dict[str, Any] = found[kind]
    return content


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A project with an editable below it and one beside it; neither needs an index."""
    sources = '[tool.uv.workspace]\nmembers = ["packages/*"]\n[tool.uv.sources]\nlib = { workspace = true }\n'
    sources += 'beside = { path = "../beside", editable = true }\n'
    folder = write(
        tmp_path / "all" / "app",
        {
            "pyproject.toml": project("app", '"lib", "beside"', sources),
            "src/app/__init__.py": "",
            "packages/lib/pyproject.toml": project("lib"),
            "packages/lib/src/lib/__init__.py": "",
            "packages/lib/.venv/bin/python": "",
            "../beside/pyproject.toml": project("beside"),
            "../beside/src/beside/__init__.py": "",
        },
    )
    return folder


def test_dependencies_only_with_editables_at_their_relative_places(workspace: Path) -> None:
    lock(workspace)
    image = named("x").with_uv_project(workspace / "pyproject.toml")
    assert layer(image) == {
        "pyproject": "0/app",
        "uvlock": "0/app/uv.lock",
        "options": {"extraArgs": "--no-install-project"},
        "sourceDir": "0",
        "editables": ["0/app/packages/lib", "0/beside"],
    }
    assert entries(image) == [
        "0/app/packages/lib/pyproject.toml",
        "0/app/packages/lib/src/lib/__init__.py",
        "0/app/pyproject.toml",
        "0/app/uv.lock",
        "0/beside/pyproject.toml",
        "0/beside/src/beside/__init__.py",
    ]


def test_a_project_without_a_lock_is_left_without_one(workspace: Path) -> None:
    found = layer(named("x").with_uv_project(workspace / "pyproject.toml"))
    assert found["editables"] == ["0/app/packages/lib", "0/beside"]
    assert "uvlock" not in found
    assert not (workspace / "uv.lock").exists()


def test_a_lock_that_is_stale_is_not_made_anew(workspace: Path) -> None:
    lock(workspace)
    before = (workspace / "uv.lock").read_bytes()
    (workspace / "pyproject.toml").write_text((workspace / "pyproject.toml").read_text().replace('"beside"', '"six"'))
    lower(named("x").with_uv_project(workspace / "pyproject.toml"))
    assert (workspace / "uv.lock").read_bytes() == before


def test_a_plain_project_needs_no_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boatyard_flyte.lowering.editables._uv", lambda: pytest.fail("asked"))
    write(tmp_path, {"pyproject.toml": project("app")})
    assert layer(named("x").with_uv_project(tmp_path / "pyproject.toml"))["pyproject"] == "0"


def test_a_whole_project_with_what_is_ignored_put_back(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "my app",
        {
            "pyproject.toml": project("app"),
            "uv.lock": "",
            "src/app/__init__.py": "",
            ".venv/bin/python": "",
            "notes.md": "",
            "ignore": "*.toml\n*.lock\n*.md\n",
        },
    )
    image = named("x").with_dockerignore(folder / "ignore")
    image = image.with_uv_project(folder / "pyproject.toml", project_install_mode="install_project", extra_args="-q")
    assert layer(image) == {
        "pyproject": "0/my_app",
        "uvlock": "0/my_app/uv.lock",
        "options": {"extraArgs": "-q"},
        "sourceDir": "0/my_app",
    }
    assert entries(image) == [
        "0/my_app/ignore",
        "0/my_app/pyproject.toml",
        "0/my_app/src/app/__init__.py",
        "0/my_app/uv.lock",
    ]


def test_a_lock_from_elsewhere_takes_the_place_of_the_projects_own(tmp_path: Path) -> None:
    folder = write(tmp_path, {"app/pyproject.toml": project("app"), "app/uv.lock": "own", "else/uv.lock": "given"})
    image = named("x").with_uv_project(
        folder / "app/pyproject.toml", uvlock=folder / "else/uv.lock", project_install_mode="install_project"
    )
    assert layer(image)["uvlock"] == "0/app/uv.lock"
    sources = {source.path: source.file for source in lower(image).sources}
    assert sources["0/app/uv.lock"] == folder / "else/uv.lock"
    assert entries(image) == ["0/app/pyproject.toml", "0/app/uv.lock"]


def test_poetry_dependencies_and_the_whole_project(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "app", {"pyproject.toml": "", "poetry.lock": "", "app/__init__.py": "", ".venv/pyvenv.cfg": ""}
    )
    image = named("x").with_poetry_project(folder / "pyproject.toml", extra_args="--only main")
    assert layer(image) == {
        "pyproject": "0/pyproject.toml",
        "poetryLock": "0/poetry.lock",
        "extraArgs": "--only main --no-root",
    }
    image = named("x").with_poetry_project(folder / "pyproject.toml", project_install_mode="install_project")
    assert layer(image) == {"pyproject": "0/app", "poetryLock": "0/app/poetry.lock"}
    assert entries(image) == ["0/app/app/__init__.py", "0/app/poetry.lock", "0/app/pyproject.toml"]


def test_a_script_with_projects(tmp_path: Path) -> None:
    folder = write(tmp_path, {"app/pyproject.toml": project("app"), "app/src/app/__init__.py": ""})
    script = folder / "script.py"
    script.write_text(f"# /// script\n# dependencies = ['six', 'app @ file://{folder}/app', 'idna']\n# ///\n")
    image = flyte.Image.from_uv_script(script, name="s", index_url="https://i.example.com", pre=True)
    options = {"indexUrl": "https://i.example.com", "pre": True}
    assert lower(image).spec["layers"][-3:] == [
        {"pipPackages": {"packages": ["six", "idna"], "options": options}},
        {"aptPackages": {"packages": ["git"]}},
        {"uvProject": {"pyproject": "0/app", "options": options, "sourceDir": "0/app"}},
    ]
    script.write_text("# /// script\n# dependencies = ['six']\n# ///\n")
    assert lower(image).spec["layers"][-1] == {"pipPackages": {"packages": ["six"], "options": options}}


def test_uv_export_that_fails_is_explained(tmp_path: Path) -> None:
    folder = write(tmp_path, {"pyproject.toml": project("app"), "uv.lock": "this is no lock"})
    with pytest.raises(BoatyardError, match=r"`uv export` fails in .*run `uv lock` there"):
        lower(named("x").with_uv_project(folder / "pyproject.toml"))
