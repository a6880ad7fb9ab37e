"""The images of the integration tests: few, which together use every way to describe an image.

test_ways.py inspects Boatyard's images; test_differences.py also builds each with flyte's own builder. So nothing here
uses what flyte's own builder cannot build (where it must, `own` is False).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import flyte

from boatyard_flyte import sdk
from tests.flyte.projects import poetry_project, uv_project, workspace, write
from tests.flyte.wheel import make_wheel

BASE = "python:3.11-slim-bookworm"


@dataclass(frozen=True)
class Place:
    """Where a case writes its files, and the index that it may use."""

    folder: Path
    index: str
    wheels: Path


@dataclass(frozen=True, kw_only=True)
class Case:
    make: Callable[[Place], flyte.Image]
    imports: dict[str, str] = field(default_factory=dict)
    """`module:attribute` -> its value inside."""
    texts: dict[str, str | None] = field(default_factory=dict)
    """Path -> content inside; None for no such file."""
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "root"


def named(name: str, base: str = BASE) -> flyte.Image:
    return flyte.Image.from_base(base).clone(name=name, extendable=True, python_version=(3, 11))


def _debian(place: Place) -> flyte.Image:
    files = write(
        place.folder,
        {
            "one.txt": "one",
            "two.txt": "two",
            "app/main.py": "print('main')",
            "app/notes.md": "ignored",
            "app/deep/data.csv": "1,2",
            "app/deep/secret.key": "ignored",
            "app/deep/public.key": "kept",
            "ignore": "# patterns\n\n*.md\n**/*.key\n!deep/public.key\n",
        },
    )
    return (
        flyte.Image.from_debian_base(install_flyte=False, name="t-debian")
        .with_apt_packages("tree")
        .with_pip_packages("by-gamma==3.0", index_url=place.index)
        .with_env_vars({"PLAIN": "value", "EXPANDED": "$PLAIN-and-${PLAIN}", "PATH": "/srv/bin:$PATH"})
        .with_dockerignore(files / "ignore")
        .with_source_file(files / "one.txt")
        .with_source_file([files / "one.txt", files / "two.txt"], dst="/opt/files/")
        .with_source_file(files / "two.txt", dst="/opt/renamed")
        .with_source_folder(files / "app")
        .with_source_folder(files / "app", dst="/srv/flat", copy_contents_only=True)
        .with_commands(["echo made > /made", "tree --version > /tree && id -un > /who"])
        .with_workdir("/srv/work")
        .with_source_file(files / "two.txt")
        .with_commands(["pwd > /pwd"])
    )


def _flyte_base(place: Place) -> flyte.Image:
    files = write(place.folder, {"pkg/__init__.py": "", "pkg/one.py": "ONE = 1\n"})
    return (
        flyte.Image.from_debian_base(name="t-flyte")
        .with_pip_packages("by-beta", index_url=place.index)
        .with_source_folder(files / "pkg")
    )


def _packages(place: Place) -> flyte.Image:
    files = write(place.folder, {"requirements-dev.txt": "by-beta==0.5\n# a comment\n"})
    wheels = place.folder / "dist"
    wheels.mkdir()
    make_wheel(wheels, "by-wheel", "9.9", requires=("by-gamma",))
    (wheels / "by_wheel-9.9.tar.gz").write_text("no wheel")
    return (
        named("t-packages")
        .with_requirements(files / "requirements-dev.txt", index_url=place.index)
        .with_pip_packages("by-alpha", pre=True, index_url=place.index, extra_args="--no-deps --quiet")
        .with_pip_packages("by-gamma>=2,<4", extra_index_urls=[place.index], index_url="http://127.0.0.1:9/none")
        .clone(addl_layer=sdk.PythonWheels(wheel_dir=wheels, package_name="by_wheel", index_url=place.index))
    )


def _uv_projects(place: Place) -> flyte.Image:
    app = uv_project(place.folder / "app", place.index)
    elsewhere = place.folder / "elsewhere"
    other = uv_project(elsewhere / "other", place.index, name="by-other")
    (elsewhere / "locks").mkdir()
    lock = (other.parent / "uv.lock").rename(elsewhere / "locks" / "uv.lock")
    return (
        named("t-uv")
        .with_workdir("/srv/work")
        .with_uv_project(workspace(place.folder / "workspace", place.index))
        .with_uv_project(app, project_install_mode="install_project")
        .with_uv_project(other, uvlock=lock, project_install_mode="install_project", extra_args="--locked")
    )


def _uv_script(place: Place) -> flyte.Image:
    app = uv_project(place.folder / "project", place.index)
    script = write(
        place.folder,
        {
            "script.py": "#!/usr/bin/env -S uv run --script\n# /// script\n# requires-python = '>=3.11'\n"
            f"# dependencies = ['by-gamma==3.0', 'by-app @ file://{app.parent}']\n# ///\nprint('hello')\n"
        },
    )
    return flyte.Image.from_uv_script(script / "script.py", name="t-script", index_url=place.index)


def _poetry(place: Place) -> flyte.Image:
    pyproject = poetry_project(place.folder / "by-poetry", place.index, next(place.wheels.glob("by_gamma-*")))
    return (
        named("t-poetry")
        .with_workdir("/srv/work")
        .with_poetry_project(pyproject)
        .with_poetry_project(pyproject, project_install_mode="install_project", extra_args="--only main")
    )


CASES = {
    "debian": Case(
        make=_debian,
        imports={"by_gamma:VERSION": "3.0"},
        texts={
            "/home/flyte/one.txt": "one",
            "/opt/files/one.txt": "one",
            "/opt/files/two.txt": "two",
            "/opt/renamed": "two",
            "/home/flyte/app/main.py": "print('main')",
            "/home/flyte/app/notes.md": None,
            "/home/flyte/app/deep/data.csv": "1,2",
            "/home/flyte/app/deep/secret.key": None,
            "/home/flyte/app/deep/public.key": "kept",
            "/srv/flat/main.py": "print('main')",
            "/srv/work/two.txt": "two",
            "/made": "made\n",
            "/who": "root\n",
            "/pwd": "/srv/work\n",
        },
        env={"PLAIN": "value", "EXPANDED": "value-and-value", "VIRTUAL_ENV": "/opt/venv", "PYTHONPATH": "/root"},
        workdir="/home/flyte",
        user="flyte",
    ),
    "flyte": Case(
        make=_flyte_base,
        imports={"flyte:__name__": "flyte", "by_beta:VERSION": "0.5"},
        texts={"/home/flyte/pkg/one.py": "ONE = 1\n"},
        workdir="/home/flyte",
    ),
    "packages": Case(
        make=_packages,
        imports={
            "by_beta:VERSION": "0.5",
            "by_alpha:VERSION": "2.0rc1",
            "by_gamma:VERSION": "3.0",
            "by_wheel:VERSION": "9.9",
        },
    ),
    "uv": Case(
        make=_uv_projects,
        imports={
            "by_beta:VERSION": "0.5",
            "by_gamma:VERSION": "3.0",
            "by_app:WHO": "by-app",
            "by_other:WHO": "by-other",
            # Editable in flyte's own image, and not importable there before the code is unpacked.
            "by_lib:WHO": "by-lib",
            "by_beside:WHO": "by-beside",
        },
        workdir="/srv/work",
    ),
    "script": Case(
        make=_uv_script,
        imports={"by_gamma:VERSION": "3.0", "by_app:WHO": "by-app"},
        workdir="/home/flyte",
        user="flyte",
    ),
    "poetry": Case(
        make=_poetry,
        imports={"by_gamma:VERSION": "3.0", "by_poetry:WHO": "by-poetry"},
        workdir="/srv/work",
    ),
}
