"""Typical inputs and their results: the packages that the step installs, or why it fails."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flyte
import pytest

from tests.flyte import steps
from tests.flyte.projects import write
from tests.flyte.test_projects import below, package
from tests.flyte.wheel import make_wheel

MODES = ("dependencies_only", "install_project")

BACKEND = '''\
"""A build backend of the project's own: its dependencies are in requirements.txt."""
import base64, hashlib, os, zipfile
WHEEL = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
def _metadata():
    names = "".join(f"Requires-Dist: {line}\\n" for line in open("requirements.txt").read().split())
    return f"Metadata-Version: 2.1\\nName: app\\nVersion: 1\\n{names}"
def get_requires_for_build_wheel(settings=None): return []
def prepare_metadata_for_build_wheel(folder, settings=None):
    os.mkdir(f"{folder}/app-1.dist-info")
    open(f"{folder}/app-1.dist-info/METADATA", "w").write(_metadata())
    open(f"{folder}/app-1.dist-info/WHEEL", "w").write(WHEEL)
    return "app-1.dist-info"
def build_wheel(folder, settings=None, metadata=None):
    name = "app-1-py3-none-any.whl"
    files = {"app.py": open("app.py").read(), "app-1.dist-info/METADATA": _metadata(),
             "app-1.dist-info/WHEEL": WHEEL}
    rows = "".join(f"{path},,\\n" for path in [*files, "app-1.dist-info/RECORD"])
    with zipfile.ZipFile(f"{folder}/{name}", "w") as made:
        for path, text in {**files, "app-1.dist-info/RECORD": rows}.items(): made.writestr(path, text)
    return name
build_editable = build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
'''
DYNAMIC = (
    '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\ndynamic = ["dependencies"]\n'
    '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
)
WORKSPACE = '[tool.uv.workspace]\nmembers = ["members/*"]\n[tool.uv.sources]\nby-needed = { workspace = true }\n'


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for name, version in (("by-one", "1.0"), ("by-one", "2.0"), ("by-two", "1.0")):
        make_wheel(folder, name, version)
    return folder


@pytest.fixture
def place(tmp_path: Path, wheels: Path) -> "Place":
    return Place(tmp_path, f"file://{wheels}")


class Place:
    """Where a test writes its project. All packages are in a folder of wheels, so nothing uses the network."""

    def __init__(self, folder: Path, wheels: str) -> None:
        self.folder = folder / "here"
        self.work = folder / "work"
        self.work.mkdir()
        self._variables = {"UV_FIND_LINKS": wheels, "UV_NO_INDEX": "1", "UV_OFFLINE": "1"}

    def write(self, files: dict[str, str]) -> None:
        write(self.folder, files)

    def lock(self, folder: str = "", arguments: str = "") -> None:
        steps.uv(f"lock --quiet {arguments}", self.folder / folder, self.work, **self._variables)

    def run(self, image: flyte.Image) -> steps.Ran:
        return steps.run(image, self.work, **self._variables)

    def uv(self, folder: str = "", **more: Any) -> steps.Ran:
        return self.run(base().with_uv_project(self.folder / folder / "pyproject.toml", **more))


def base() -> flyte.Image:
    return flyte.Image.from_debian_base(install_flyte=False, python_version=(3, 11), name="x")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("locked", [True, False])
def test_a_workspace_with_members_that_it_does_not_need(place: Place, mode: str, locked: bool) -> None:
    place.write(package("app", "me", "by-needed", "by-one<2", sources=WORKSPACE))
    place.write(below("members/needed", package("by-needed", "needed", "by-two")))
    place.write(below("members/unused", package("by-unused", "unused", "by-one")))
    if locked:
        place.lock()
    ran = place.uv(project_install_mode=mode)
    assert ran.failed == ""
    own = {"app": "1"} if mode == "install_project" else {}
    assert ran.installed == {"by-needed": "1", "by-one": "1.0", "by-two": "1.0", **own}
    assert ran.links == ()
    assert ran.value("WHO", "by_needed") == "needed"


@pytest.mark.parametrize("mode", MODES)
def test_a_member_of_a_workspace_with_the_lock_of_its_root(place: Place, mode: str) -> None:
    place.write({"pyproject.toml": WORKSPACE})
    place.write(below("members/app", package("app", "me", "by-needed")))
    place.write(below("members/needed", package("by-needed", "needed", "by-two")))
    place.lock()
    for given in (None, place.folder / "uv.lock"):
        ran = place.uv("members/app", uvlock=given, project_install_mode=mode)
        assert ran.failed == ""
        assert {"by-needed", "by-two"} <= ran.installed.keys()
        assert ("app" in ran.installed) is (mode == "install_project")


@pytest.mark.parametrize("editable", ["true", "false"])
@pytest.mark.parametrize("mode", MODES)
def test_path_dependencies_and_theirs(place: Place, mode: str, editable: str) -> None:
    first = f'[tool.uv.sources]\nby-lib = {{ path = "../lib", editable = {editable} }}\n'
    place.write(below("app", package("app", "me", "by-lib", sources=first)))
    place.write(
        below("lib", package("by-lib", "lib", "by-deep", sources='[tool.uv.sources]\nby-deep = { path = "../deep" }\n'))
    )
    place.write(below("deep", package("by-deep", "deep", "by-one")))
    place.lock("app")
    ran = place.uv("app", project_install_mode=mode)
    assert ran.failed == ""
    assert (ran.links, ran.value("WHO", "by_deep"), ran.installed["by-one"]) == ((), "deep", "2.0")


def test_a_change_of_code_alone_is_installed(place: Place) -> None:
    """uv assumes that a folder is unchanged while its pyproject.toml is, and builds share its cache."""
    sources = '[tool.uv.sources]\nby-lib = { path = "../lib" }\n'
    place.write(below("app", package("app", "me", "by-lib", sources=sources)))
    for who in ("first", "second"):
        place.write(below("lib", package("by-lib", who)))
        assert place.uv("app").value("WHO", "by_lib") == who


@pytest.mark.parametrize("mode", MODES)
def test_a_lock_is_outdated_only_if_it_is(place: Place, mode: str) -> None:
    place.write(package("app", "me", "by-one<2"))
    place.lock()
    assert place.uv(project_install_mode=mode).installed["by-one"] == "1.0"
    place.write(package("app", "me", "by-one<2", "by-two"))
    ran = place.uv(project_install_mode=mode)
    assert "needs to be updated" in ran.failed
    assert ran.installed == {}


def test_settings_in_uv_toml_are_heeded_and_fit_the_lock(place: Place) -> None:
    place.write(package("app", "me", "by-one"))
    place.write({"uv.toml": 'resolution = "lowest"\n'})
    place.lock()
    assert place.uv().installed == {"by-one": "1.0"}


@pytest.mark.parametrize("locked", [True, False])
def test_dependencies_that_a_build_backend_reads(place: Place, locked: bool) -> None:
    place.write({"pyproject.toml": DYNAMIC, "backend.py": BACKEND, "app.py": "", "requirements.txt": "by-one\n"})
    if locked:
        place.lock()
    ran = place.uv()
    assert (ran.failed, ran.installed) == ("", {"by-one": "2.0"})
    place.write({"requirements.txt": "by-two\n"})
    ran = place.uv()
    if locked:
        assert "needs to be updated" in ran.failed
    else:
        assert ran.installed == {"by-two": "1.0"}


@pytest.mark.parametrize("arguments", ["--only-group tools", "--no-default-groups --group tools"])
def test_groups_that_include_others(place: Place, arguments: str) -> None:
    groups = '[dependency-groups]\ntools = [{ include-group = "more" }]\nmore = ["by-two"]\n'
    place.write(package("app", "me", sources=groups))
    place.lock()
    assert place.uv(extra_args=arguments).installed == {"by-two": "1.0"}


def test_requirements_with_all_that_they_may_refer_to(place: Place, wheels: Path) -> None:
    linked = '[tool.uv.sources]\nby-beside = { path = "../beside", editable = true }\n'
    place.write(below("app", package("by-app", "me", "by-beside", sources=linked)))
    place.write(below("beside", package("by-beside", "beside")))
    place.write(
        {"requirements.txt": "-r more/base.txt\n-e ./app ; os_name == 'posix'\n", "more/limits.txt": "by-one<2\n"}
    )
    place.write({"more/base.txt": f"-c limits.txt\nby-one \\\n  # a comment\n{wheels}/by_two-1.0-py3-none-any.whl\n"})
    ran = place.run(base().with_requirements(place.folder / "requirements.txt"))
    assert ran.failed == ""
    assert ran.installed == {"by-app": "1", "by-beside": "1", "by-one": "1.0", "by-two": "1.0"}
    assert ran.links == ()
    assert ran.value("WHO", "by_beside") == "beside"


@pytest.mark.parametrize(
    "make",
    [
        lambda image: image.with_pip_packages("./dist/by_own-3.0-py3-none-any.whl"),
        lambda image: image.with_pip_packages("by-own @ file:dist/by_own-3.0-py3-none-any.whl"),
        lambda image: image.with_pip_packages("by-own", extra_args="--find-links ./dist"),
        lambda image: image.with_pip_packages("by-own>2", extra_args="-f dist -c constraints.txt"),
        lambda image: image.with_pip_packages("."),
        lambda image: image.with_pip_packages("-e ."),
    ],
)
def test_packages_of_this_machine(
    place: Place, monkeypatch: pytest.MonkeyPatch, make: Callable[[flyte.Image], flyte.Image]
) -> None:
    place.write({**package("by-own", "me"), "constraints.txt": "by-own<4\n"})
    (place.folder / "dist").mkdir()
    make_wheel(place.folder / "dist", "by-own", "3.0")
    monkeypatch.chdir(place.folder)
    ran = place.run(make(base()))
    assert ran.failed == ""
    assert ran.installed.keys() == {"by-own"}
    assert ran.links == ()


@pytest.mark.parametrize("locked", [True, False])
def test_the_settings_of_a_script_are_heeded_as_uv_run_does(place: Place, locked: bool) -> None:
    header = (
        '# /// script\n# requires-python = ">=3.11"\n# dependencies = ["by-one", "by-lib"]\n#\n# [tool.uv]\n'
        '# constraint-dependencies = ["by-one<2"]\n# [tool.uv.sources]\n'
        '# by-lib = { path = "lib", editable = true }\n# ///\n'
    )
    place.write({"job.py": header, **below("lib", package("by-lib", "lib"))})
    if locked:
        place.lock(arguments="--script job.py")
    image = flyte.Image.from_uv_script(place.folder / "job.py", name="s", python_version=(3, 11))
    ran = place.run(image)
    assert (ran.failed, ran.installed, ran.links) == ("", {"by-lib": "1", "by-one": "1.0"}, ())
    place.write({"job.py": header.replace('"by-one", ', '"by-one", "by-two", ')})
    ran = place.run(image)
    assert ("needs to be updated" in ran.failed) is locked
