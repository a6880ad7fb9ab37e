"""An adapter's pyproject.toml determines the contents of its cloud's archives and image; no other file names a
cloud."""

import shutil
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.bundle.scripts import ROOT, ask, refused

READ = "from contents import contents; contents('made', __import__('pathlib').Path(sys.argv[1]))"
ADAPTER = """
[project]
name = "boatyard-made"
dependencies = ["boatyard", "an-sdk>=1"]

[project.optional-dependencies]
function = ["boatyard-serverless"]
job = ["boatyard-serverless[job]"]
"""
TABLES = """
[tool.boatyard.function]
root = "/code"
pythons = ["3.13"]
largest-bytes = 1

[tool.boatyard.job.only]
"an_sdk/data" = ["storage", "builds"]
"another/data" = []
"""
CLOUDS = [
    path.parent.name
    for path in sorted(ROOT.glob("adapters/*/pyproject.toml"))
    if "boatyard" in tomllib.loads(path.read_text()).get("tool", {})
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout with a further cloud."""
    copied = tmp_path_factory.mktemp("checkout")
    for name in ("core", "adapters", "requirements", "infra/builder"):
        shutil.copytree(ROOT / name, copied / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (copied / "adapters" / "made" / "boatyard_made").mkdir(parents=True)
    for name in ("function-made.txt", "builder-made.txt"):
        (copied / "requirements" / name).touch()
    return copied


@pytest.fixture
def adapter(checkout: Path) -> Path:
    path = checkout / "adapters" / "made" / "pyproject.toml"
    path.write_text(ADAPTER + TABLES)
    return path


def test_a_new_cloud_is_a_folder_and_two_locks(checkout: Path, adapter: Path) -> None:
    code = """
import pathlib, sys
from contents import clouds, contents
from image_tag import image_tag
root = pathlib.Path(sys.argv[1])
found = contents("made", root)
print("made" in clouds(root))
print(*(folder.name for folder in found.function_distributions))
print(*(folder.name for folder in found.job_distributions))
print(*found.job.kept(), found.job.archive)
print(image_tag(root, "made") != image_tag(root, "aws"))
"""
    assert ask(code, str(checkout)).splitlines() == [
        "True",
        "made registry serverless core",
        "buildkit layers made registry serverless core",
        "an_sdk/data/builds an_sdk/data/storage another/data/. None",
        "True",
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("largest-bytes", "biggest", "unknown field `biggest` - at `$.function`"),
        ('root = "/code"\n', "", "exactly one of `root` and `source` is needed - at `$.function`"),
        ('["3.13"]', "[]", "Expected `array` of length >= 1 - at `$.function.pythons`"),
        ("= 1", '= "1"', "Expected `int`, got `str` - at `$.function.largest-bytes`"),
        ('"an_sdk/data"', '"../data"', "matching regex"),
        ('"storage"', '"$(id)"', "matching regex"),
        ('root = "/code"\n', 'root = "/code"\napp = {files = "../x", packages = "p"}\n', "at `$.function.app.files`"),
        (
            'root = "/code"\n',
            'root = "/code"\napp = {files = "x", packages = "../p"}\n',
            "at `$.function.app.packages`",
        ),
        ("[tool.boatyard.function]", "[tool.boatyard.functions]", "unknown field `functions`"),
        ('job = ["boatyard-serverless[job]"]', "", "boatyard-made has no extra job"),
    ],
)
def test_a_wrong_table_is_refused_by_its_place(
    checkout: Path, adapter: Path, before: str, after: str, said: str
) -> None:
    assert before in adapter.read_text()
    adapter.write_text(adapter.read_text().replace(before, after))
    assert said in refused(READ, str(checkout))


def test_a_missing_lock_is_named(checkout: Path, adapter: Path) -> None:
    lock = checkout / "requirements" / "builder-made.txt"
    lock.unlink()
    try:
        assert "there is no requirements/builder-made.txt: `make lock`" in refused(READ, str(checkout))
    finally:
        lock.touch()


def test_an_adapter_without_tables_is_no_cloud() -> None:
    assert ask("from contents import clouds; print(*clouds())").split() == CLOUDS and "local" not in CLOUDS


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize(("extra", "lock"), [("function", "function"), ("job", "builder")])
def test_the_requirements_are_what_the_distributions_need(cloud: str, extra: str, lock: str) -> None:
    """Compares packages of the index, without those of the platform. Otherwise a bundle lacks a package, or has one
    that nothing imports."""
    code = f"""
import tomllib
from contents import contents
found = contents({cloud!r})
for folder in found.{extra}_distributions:
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    print(*project.get("dependencies", []), *project.get("optional-dependencies", {{}}).get({extra!r}, []), sep="\\n")
"""
    oldest = {"python_version": "3.11"}  # of those that functions and jobs run on
    wanted = [Requirement(line) for line in ask(code).splitlines() if line]
    named = {canonicalize_name(each.name) for each in wanted if not each.marker or each.marker.evaluate(oldest)}
    code = f"from contents import contents; made = contents({cloud!r}).function; print(*made.given if made else ())"
    given = set(ask(code).split())
    needed = {name for name in named if not name.startswith("boatyard")} - (given if extra == "function" else set())
    text = (ROOT / "requirements" / f"{lock}-{cloud}.txt").read_text()
    locked = {line.split("==")[0] for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))}
    assert needed <= locked
