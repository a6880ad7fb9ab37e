"""All files name the same version of BuildKit, and the same dependencies of a job."""

import re
import subprocess
from pathlib import Path

from boatyard.settings import Settings
from tests.bundle.scripts import ROOT, ask

DOCKERFILE = (ROOT / "infra" / "builder" / "Dockerfile").read_text()


def test_buildctl_is_of_buildkitds_version() -> None:
    daemon = Settings().kubernetes.buildkit_image
    assert re.fullmatch(r"docker\.io/moby/buildkit:v\d+\.\d+\.\d+-rootless", daemon)
    assert ask("import image_tag; print(image_tag.BUILDKIT)") == daemon.removesuffix("-rootless")
    assert "\nARG BUILDKIT\n" in DOCKERFILE, "no version of its own"


def test_the_dockerfile_names_no_cloud_and_no_distribution() -> None:
    """The adapters name them, for the image and the archive alike."""
    for name in ("CLOUD", "DISTRIBUTIONS", "KEPT"):
        assert f"\nARG {name}\n" in DOCKERFILE
    assert not re.search(r"aws|gcp|azure|boto|adapters/\w", DOCKERFILE.replace("adapters/<cloud>", ""))


def test_the_tag_follows_what_goes_in_and_nothing_else(tmp_path: Path) -> None:
    names = ("core", "adapters", "requirements", "infra/builder")
    copied = tmp_path / "checkout"
    for name in names:
        (copied / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", ROOT / name, copied / name], check=True)

    def tag() -> str:
        return ask(
            "import image_tag, pathlib, sys; print(image_tag.image_tag(pathlib.Path(sys.argv[1]), 'aws'))", str(copied)
        )

    first = tag()
    assert re.fullmatch(r"\d+\.\d+\.\d+-[0-9a-f]{12}", first)
    (copied / "core" / "boatyard" / "__pycache__").mkdir(exist_ok=True)
    (copied / "core" / "boatyard" / "__pycache__" / "x.pyc").touch()
    (copied / "adapters" / "client" / "boatyard_client" / "errors.py").write_text("")
    assert tag() == first
    (copied / "adapters" / "aws" / "boatyard_aws" / "__init__.py").write_text("")
    assert tag() != first
