"""A base image with an apt repository inside, of packages that take no time: apt asks no mirror for its lists.

tests/whole/ installs packages of a real mirror.
"""

import json
import tempfile
from pathlib import Path

from boatyard import toml
from boatyard.settings import Settings
from tests.flyte.probe import Docker

_DOCKERFILE = r"""FROM base
RUN <<END
set -e
mkdir -p /usr/share/light /tmp/p/DEBIAN /tmp/p/usr/bin
cd /usr/share/light
printf '#!/bin/sh\necho tree 99\n' > /tmp/p/usr/bin/tree
chmod 755 /tmp/p/usr/bin/tree
for name in tree build-essential git; do
  printf 'Package: %s\nVersion: 99\nArchitecture: all\nMaintainer: tests\nDescription: light\n' $name \
    > /tmp/p/DEBIAN/control
  dpkg-deb --build /tmp/p $name.deb
  cat /tmp/p/DEBIAN/control >> Packages
  stat --printf 'Filename: ./%n\nSize: %s\n' $name.deb >> Packages
  echo "SHA256: $(sha256sum $name.deb | cut -d ' ' -f 1)" >> Packages
  echo >> Packages
  rm -rf /tmp/p/usr
done
rm -rf /tmp/p /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] copy:/usr/share/light ./' > /etc/apt/sources.list
END
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
