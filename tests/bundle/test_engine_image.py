"""The builder image with an engine has its own tag, and exists only for a cloud whose build service needs it."""

import subprocess
import sys

from tests.bundle.scripts import ROOT, SCRIPTS, ask


def test_its_tag_follows_from_the_other_images() -> None:
    code = """
from contents import ROOT
from image_tag import image_tag
print(image_tag(ROOT, "gcp"), image_tag(ROOT, "gcp", engine=True))
"""
    plain, engine = ask(code).split()
    assert engine == f"{plain}-engine"


def test_another_cloud_has_none() -> None:
    """`true` acts as a docker command that finds its plugin but no image."""
    command = [sys.executable, SCRIPTS / "image.py", "aws", "--repository=registry.test/builder", "--docker=true"]
    done = subprocess.run([*command, "--engine"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "no build service of aws" in done.stderr


def test_its_programs_are_those_of_one_pinned_image() -> None:
    image = ask("from contents import contents; print(contents('gcp').job.engine.image)")
    assert image.startswith("docker.io/library/docker:") and image.endswith("-dind")
    assert "ARG ENGINE\n" in (ROOT / "infra" / "builder" / "Dockerfile").read_text(), "one place names it"
