"""One version of BuildKit, and one list of what a job brings, in all that names them."""

import re
import subprocess
import sys
from pathlib import Path

from boatyard.settings import Settings

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "infra" / "builder" / "Dockerfile").read_text()
SCRIPTS = ROOT / "scripts" / "bundle"


def ask(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_buildctl_is_of_buildkitds_version() -> None:
    daemon = Settings().kubernetes.buildkit_image
    assert re.fullmatch(r"docker\.io/moby/buildkit:v\d+\.\d+\.\d+-rootless", daemon)
    assert ask("import image_tag; print(image_tag.BUILDKIT)") == daemon.removesuffix("-rootless")
    assert "\nARG BUILDKIT\n" in DOCKERFILE, "no version of its own"


def test_terraform_takes_the_same() -> None:
    text = (ROOT / "infra" / "terraform" / "aws" / "variables-image-builder.tf").read_text()
    (image,) = re.findall(r'buildkitImage\s+= optional\(string, "(.*)"\)', text)
    assert image == Settings().kubernetes.buildkit_image


def test_the_image_and_the_archive_hold_the_same() -> None:
    packages, services = ask(
        "from contents import JOBS; j = JOBS['aws']; print(*sorted(j.packages), '|', *sorted(j.services))"
    ).split(" | ")
    wheels = re.search(r"--wheel-dir /wheels \\\n\s+(.*)", DOCKERFILE)
    assert wheels and sorted(wheels[1].split()) == sorted(f"./{Path(name).parent}" for name in packages.split())
    kept = re.search(r"\n +(\S+/(?: \| \S+/)*)\) ;;", DOCKERFILE)
    assert kept and [name.rstrip("/") for name in kept[1].split(" | ")] == services.split()


def test_the_tag_follows_what_goes_in_and_nothing_else(tmp_path: Path) -> None:
    names = ("core", "adapters", "requirements", "infra/builder")
    copied = tmp_path / "checkout"
    for name in names:
        (copied / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", ROOT / name, copied / name], check=True)

    def tag() -> str:
        return ask(f"import image_tag, pathlib; print(image_tag.image_tag(pathlib.Path({str(copied)!r})))")

    first = tag()
    assert re.fullmatch(r"\d+\.\d+\.\d+-[0-9a-f]{12}", first)
    (copied / "core" / "boatyard" / "__pycache__").mkdir(exist_ok=True)
    (copied / "core" / "boatyard" / "__pycache__" / "x.pyc").touch()
    (copied / "adapters" / "client" / "boatyard_client" / "errors.py").write_text("")
    assert tag() == first
    (copied / "adapters" / "aws" / "boatyard_aws" / "__init__.py").write_text("")
    assert tag() != first
