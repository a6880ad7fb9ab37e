"""A base image in which build-essential is an empty package, so that installing it takes a second."""

import json
import tempfile
from pathlib import Path

from boatyard import toml
from boatyard.settings import Settings
from tests.flyte.probe import Docker

_DOCKERFILE = r"""FROM base
RUN mkdir -p /tmp/p/DEBIAN \
 && printf "Package: build-essential\nVersion: 99\nArchitecture: all\nMaintainer: tests\nDescription: empty\n" \
    > /tmp/p/DEBIAN/control \
 && dpkg-deb --build /tmp/p /tmp/p.deb && dpkg --install /tmp/p.deb && rm -r /tmp/p /tmp/p.deb
"""


def light(docker: Docker, settings: Settings, base: str) -> str:
    """Builds and pushes the image. Returns its reference."""
    (real,) = (rule.image for rule in settings.base_images if rule.match == base)
    reference = f"{settings.default_repository}/light-base:test"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").write_text(_DOCKERFILE)
        arguments = ["--build-context", f"base=docker-image://{real}", "--network", settings.network.mode]
        docker.run("buildx", "build", *arguments, "--provenance=false", "--tag", reference, "--push", folder)
    return reference


def replaced(configuration: str, base: str, image: str) -> str:
    """The text of a boatyard.toml in which `image` stands for `base`."""
    (real,) = (rule["image"] for rule in toml.loads(configuration)["baseImages"] if rule["match"] == base)
    rule = f"match = {json.dumps(base)}\nimage = "
    assert configuration.count(rule + json.dumps(real)) == 1
    return configuration.replace(rule + json.dumps(real), rule + json.dumps(image))
