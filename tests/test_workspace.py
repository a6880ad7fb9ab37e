"""Every distribution of the workspace belongs to a layer, and uv finds it beside the others."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
NAMES = {
    tomllib.loads(path.read_text())["project"]["name"]
    for path in (ROOT / "core" / "pyproject.toml", *ROOT.glob("adapters/*/pyproject.toml"))
}
PACKAGES = {name.replace("-", "_") for name in NAMES}


def test_every_package_stands_on_one_floor() -> None:
    (floors,) = [each["layers"] for each in CONFIGURATION["importlinter"]["contracts"] if each["type"] == "layers"]
    standing = [name for floor in floors for name in floor.split(" | ")]
    assert sorted(standing) == sorted(PACKAGES)
    assert sorted(CONFIGURATION["importlinter"]["root_packages"]) == sorted(PACKAGES)


def test_uv_takes_each_from_the_workspace() -> None:
    assert set(CONFIGURATION["uv"]["sources"]) == NAMES
