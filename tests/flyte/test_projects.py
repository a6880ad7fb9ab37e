"""Real builds of typical projects: the step has every file that uv and Poetry read on this machine.

One image contains all shapes and is built twice: a build for each would take minutes and test nothing more.
"""

import subprocess
import sys
from pathlib import Path

import flyte
import pytest
from pip._internal.models.index import PyPI

from tests.flyte.conftest import Ensure
from tests.flyte.probe import Docker
from tests.flyte.projects import lock, write
from tests.flyte.wheel import make_wheel

pytestmark = pytest.mark.integration

_BUILD = '[build-system]\nrequires = ["uv_build>=0.8"]\nbuild-backend = "uv_build"\n'


def package(name: str, who: str, *requires: str, sources: str = "") -> dict[str, str]:
    """A package of one module, whose WHO is the value."""
    listed = ", ".join(f'"{text}"' for text in requires)
    text = f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{listed}]\n'
    return {
        "pyproject.toml": text + sources + _BUILD,
        f"src/{name.replace('-', '_')}/__init__.py": f"WHO = {who!r}\n",
    }


def below(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{folder}/{path}": text for path, text in files.items()}


def default_index(url: str) -> str:
    return f'\n[[tool.uv.index]]\nurl = "{url}"\ndefault = true\n'


def shapes(folder: Path, index: str, who: str) -> flyte.Image:
    """A script with settings, requirements with everything that they may refer to, a member of a workspace, Poetry."""
    member = package(
        "by-member", who, "by-needed", "by-beta", sources="[tool.uv.sources]\nby-needed = { workspace = true }\n"
    )
    beside = '[tool.uv.sources]\nby-beside = { path = "../beside", editable = true }\n'
    root = '[tool.uv.workspace]\nmembers = ["members/*"]\n' + default_index(index)
    write(
        folder,
        {
            "job.py": "# /// script\n# dependencies = ['by-scripted', 'by-alpha']\n#\n# [tool.uv]\n"
            f"# index-url = '{index}'\n# constraint-dependencies = ['by-alpha<2']\n# [tool.uv.sources]\n"
            "# by-scripted = { path = 'scripted' }\n# ///\n",
            **below("scripted", package("by-scripted", who)),
            "requirements.txt": "-r more/base.txt\n-e ./required # its folder is gone afterwards\n",
            "more/base.txt": "--find-links ../dist\nby-wheel\n-c limits.txt\n",
            "more/limits.txt": "by-wheel<9\n",
            **below("required", package("by-required", who)),
            **below("packaged", package("by-packaged", who, "by-beside", sources=beside)),
            **below("beside", package("by-beside", who)),
            "workspace/pyproject.toml": root,
            **below("workspace/members/member", member),
            **below("workspace/members/needed", package("by-needed", who, "by-gamma")),
            **below("workspace/members/unused", package("by-unused", who)),
        },
    )
    wheels = folder / "dist"
    wheels.mkdir(exist_ok=True)
    make_wheel(wheels, "by-wheel", "8.1")
    make_wheel(wheels, "by-wheel", "9.9")
    if not (folder / "workspace/uv.lock").exists():
        lock(folder / "workspace")
    return (
        flyte.Image.from_uv_script(folder / "job.py", name="t-shapes", python_version=(3, 11))
        .clone(name=f"t-shapes-{who}", extendable=True)  # the SDK remembers images by their tag, which is one for both
        .with_requirements(folder / "requirements.txt", index_url=index)
        .with_pip_packages(str(folder / "packaged"), index_url=index)
        .with_workdir("/")
        .with_uv_project(folder / "workspace/members/member/pyproject.toml")
    )


def test_all_shapes_and_again_after_a_change_of_code(
    ensure: Ensure, packages: str, docker: Docker, tmp_path: Path
) -> None:
    """The second image has the second code, although uv's cache is kept between builds and identifies a folder by its
    path."""
    modules = ["by_scripted", "by_required", "by_packaged", "by_beside", "by_needed"]
    imports = {f"{module}:WHO": "" for module in modules}
    for who in ("first", "second"):
        image = shapes(tmp_path, f"{packages}/public/simple", who)
        inside = docker.look(ensure(image), imports=tuple(imports))
        assert inside.imports == dict.fromkeys(imports, who)
        versions = {name: inside.distributions.get(name) for name in ("by-alpha", "by-beta", "by-gamma", "by-wheel")}
        assert versions == {"by-alpha": "1.0", "by-beta": "0.5", "by-gamma": "3.0", "by-wheel": "8.1"}
        assert {"by-member", "by-unused"}.isdisjoint(inside.distributions)


def test_a_poetry_project_with_path_dependencies(ensure: Ensure, docker: Docker, tmp_path: Path) -> None:
    # Poetry builds path dependencies with poetry-core of the primary source, so an index of its own would not do.
    index = f"{PyPI.simple_url}/"
    build = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
    library = f'[tool.poetry]\nname = "by-{{}}"\nversion = "1"\ndescription = ""\nauthors = []\n{build}'
    write(
        tmp_path,
        {
            "app/pyproject.toml": '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = "^3.11"\n'
            'by-linked = { path = "../linked", develop = true }\nby-copied = { path = "../copied" }\nsix = "1.16.0"\n'
            f'[[tool.poetry.source]]\nname = "simple"\nurl = "{index}"\npriority = "primary"\n{build}',
            **{f"{name}/pyproject.toml": library.format(name) for name in ("linked", "copied")},
            **{f"{name}/by_{name}/__init__.py": f"WHO = {name!r}\n" for name in ("linked", "copied")},
        },
    )
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "tool", "run", "--quiet", "poetry", "lock"], cwd=tmp_path / "app", check=True)
    image = flyte.Image.from_base("python:3.11-slim-bookworm").clone(name="t-poetry-paths", extendable=True)
    image = image.clone(python_version=(3, 11), extendable=True).with_poetry_project(tmp_path / "app/pyproject.toml")
    inside = docker.look(ensure(image), imports=("by_linked:WHO", "by_copied:WHO", "six:__version__"))
    assert inside.imports == {"by_linked:WHO": "linked", "by_copied:WHO": "copied", "six:__version__": "1.16.0"}
