"""Runs apt-get with its own lists, cache and sources: it downloads and unpacks packages, and never installs them.

It reads only the mirrors, keys and proxy of the system's configuration, and changes nothing.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from boatyard_local.engine import mounts
from boatyard_local.engine.command import ChildProcesses
from boatyard_local.engine.debian import AptSource


class Apt(NamedTuple):
    """A private apt configuration for one archive."""

    folder: Path
    sources: tuple[str, ...]
    """Lines of a sources.list(5)."""

    def download(self, packages: Sequence[str], into: Path, commands: ChildProcesses) -> None:
        """Downloads the newest .deb of each package. apt verifies it against the archive's signature."""
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "sources.list").write_text("".join(f"{line}\n" for line in self.sources))
        (self.folder / "status").write_text("")
        into.mkdir(parents=True, exist_ok=True)
        name = self.folder.name
        env = {**os.environ, "LC_ALL": "C.UTF-8"}
        commands.run(
            ["apt-get", *self._options(), "update", "-q", "--error-on=any"],
            what="apt-get update",
            log=f"apt-update-{name}",
            env=env,
        )
        commands.run(
            ["apt-get", *self._options(), "download", "-q", *packages],
            what=f"apt-get download {' '.join(packages)}",
            log=f"apt-download-{name}",
            env=env,
            cwd=into,
        )

    def _options(self) -> list[str]:
        settings = {
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferences": "-",
            "Dir::Etc::preferencesparts": "-",
            "Dir::State::lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "Acquire::Languages": "none",
            "Acquire::Retries": 3,
            # the user _apt cannot write below a folder such as /root/project, which only root can enter
            "APT::Sandbox::User": "root",
        }
        return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def own(folder: Path, sources: Sequence[AptSource]) -> Apt:
    """The machine's own release with its updates."""
    return Apt(folder / "own", tuple(source.line() for source in sources))


def other(folder: Path, archive: AptSource, codename: str) -> Apt:
    """Another release, from the same mirror."""
    return Apt(folder / codename, (archive.line(codename),))


def unpack(debs: Path, target: Path, commands: ChildProcesses) -> None:
    """Unpacks every .deb of a folder into `target`, atomically."""
    partial = target.with_name(f"{target.name}.partial")
    mounts.remove(partial)
    partial.mkdir(parents=True)
    for deb in sorted(debs.glob("*.deb")):
        commands.run(["dpkg-deb", "--extract", deb, partial], what=f"unpacking {deb.name}", log="unpack")
    mounts.remove(target)
    partial.rename(target)
    shutil.rmtree(debs)
