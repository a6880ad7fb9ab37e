"""uv scripts: all inline metadata that `uv run` uses."""

from pathlib import Path
from typing import Any

import flyte
import pytest

from boatyard.errors import BoatyardError
from boatyard_flyte.lowering import lower
from tests.flyte.projects import write
from tests.flyte.test_lowering_files import entries
from tests.flyte.test_lowering_projects import key, project


def script(folder: Path, header: str, code: str = "print()\n", **more: Any) -> flyte.Image:
    block = "".join(f"# {line}\n" if line else "#\n" for line in header.splitlines())
    file = write(folder, {"job.py": f"#!/usr/bin/env -S uv run\n# /// script\n{block}# ///\n{code}"}) / "job.py"
    return flyte.Image.from_uv_script(file, name="s", python_version=(3, 11), **more)


def last(image: flyte.Image) -> dict[str, Any]:
    found: dict[str, Any] = lower(image).spec["layers"][-1]
    return found


def test_a_script_that_only_lists_packages_is_their_list(tmp_path: Path) -> None:
    image = script(tmp_path, "dependencies = ['six', 'idna']", index_url="https://i.example.com", pre=True)
    options = {"indexUrl": "https://i.example.com", "pre": True}
    assert last(image) == {"pipPackages": {"packages": ["six", "idna"], "options": options}}


def test_projects_of_this_machine_are_installed_with_git_at_hand(tmp_path: Path) -> None:
    write(tmp_path, {"app/pyproject.toml": project("app"), "app/src/app/__init__.py": ""})
    image = script(tmp_path, f"dependencies = ['six', 'app @ file://{tmp_path}/app']")
    assert lower(image).spec["layers"][-3:] == [
        {"pipPackages": {"packages": ["six"]}},
        {"aptPackages": {"packages": ["git"]}},
        {"uvProject": {"pyproject": "0", "sourceDir": "0"}},
    ]
    assert entries(image) == ["0/pyproject.toml", "0/src/app/__init__.py"]


_SETTINGS = "dependencies = ['six']\n\n[tool.uv]\nexclude-newer = '2021-06-01T00:00:00Z'"


def test_a_script_with_settings_is_uvs_to_read(tmp_path: Path) -> None:
    image = script(tmp_path, _SETTINGS, extra_args="--no-build")
    assert last(image) == {
        "uvScript": {"script": "0/script.py", "options": {"extraArgs": "--no-build"}, "sourceDir": "0"}
    }
    (source,) = lower(image).sources
    assert source.file == (
        b"# /// script\n# dependencies = ['six']\n#\n# [tool.uv]\n# exclude-newer = '2021-06-01T00:00:00Z'\n# ///\n"
    )


def test_the_key_has_the_settings_and_not_the_code(tmp_path: Path) -> None:
    before = key(script(tmp_path, _SETTINGS))
    assert key(script(tmp_path, _SETTINGS, code="print('changed')\n")) == before
    assert key(script(tmp_path, _SETTINGS.replace("2021", "2022"))) != before


def test_the_lock_of_a_script_goes_along_and_counts(tmp_path: Path) -> None:
    write(tmp_path, {"job.py.lock": "one"})
    image = script(tmp_path, "dependencies = ['six']")
    assert last(image)["uvScript"]["lock"] == "0/script.py.lock"
    before = key(image)
    write(tmp_path, {"job.py.lock": "two"})
    assert key(image) != before


def test_sources_and_settings_beside_the_script_go_along(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "jobs/uv.toml": 'index-url = "https://i.example"\n',
            "lib/pyproject.toml": project("lib"),
            "lib/src/lib/__init__.py": "",
            "dist/x-1-py3-none-any.whl": "",
        },
    )
    header = "dependencies = ['lib']\n[tool.uv]\nfind-links = ['../dist']\n[tool.uv.sources]\nlib = { path = '../lib' }"
    image = script(tmp_path / "jobs", header)
    assert last(image)["uvScript"] == {"script": "0/project/script.py", "sourceDir": "0"}
    assert entries(image) == [
        "0/dist/x-1-py3-none-any.whl",
        "0/lib/pyproject.toml",
        "0/lib/src/lib/__init__.py",
        "0/project/script.py",
        "0/project/uv.toml",
    ]


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [(">=3.11", True), ("<3.12", True), (">=3.11.4", True), ("==3.11.*", True), ("~=3.10.2", False), (">=3.13", False)],
)
def test_the_python_that_a_script_requires_is_the_images(tmp_path: Path, wanted: str, fits: bool) -> None:
    image = script(tmp_path, f"requires-python = '{wanted}'\ndependencies = ['six']")
    if fits:
        assert lower(image)
        return
    with pytest.raises(BoatyardError, match=r"requires Python .*, and the image has 3\.11.*python_version="):
        lower(image)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("print()\n", "has no `# /// script` block"),
        ("# /// script\n# a = 1\n# ///\n\n# /// script\n# b = 1\n# ///\n", "has several"),
        ("# /// script\n# dependencies = [\n# ///\n", "is not TOML"),
        ("# /// script\n# requires-python = 'three'\n# ///\n", "requires-python"),
    ],
)
def test_a_script_that_uv_would_not_take_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = write(tmp_path, {"job.py": text}) / "job.py"
    with pytest.raises(BoatyardError, match=reason) as refused:
        lower(flyte.Image.from_uv_script(file, name="s", python_version=(3, 11)))
    assert refused.value.code == "INVALID_SPEC"


def test_a_path_of_this_machine_and_settings_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(BoatyardError, match=r"\[tool.uv.sources\] app"):
        lower(script(tmp_path, f"dependencies = ['app @ file://{tmp_path}/app']\n[tool.uv]\nno-build = true"))
