"""Creates a root file system with Python, using debootstrap and the machine's own Debian mirror.

It replaces python:3.11-slim-bookworm, so it is similar: it contains `python` and `pip`, pip may install packages, and
documentation is omitted. Byte code is kept; otherwise every RUN that starts Python would write it, with a time, into
its layer.
"""

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from boatyard_local.engine import apt, debian, mounts
from boatyard_local.engine.command import ChildProcesses
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.model import EngineError
from boatyard_local.engine.packages import Debian

CODENAME: Final = "bookworm"
PYTHON: Final = "3.11"
_PACKAGES: Final = ("ca-certificates", "python3", "python3-venv")

# Used during the bootstrap, and later by builds that install packages (as in Debian's own slim images).
_DPKG: Final = """\
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/groff/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/share/linda/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*
"""

# Runs in the new root. pip is installed from the wheels that python3-venv contains for ensurepip.
_FINISH: Final = """\
set -eu
rm -f /usr/lib/python3.*/EXTERNALLY-MANAGED
ln -sf /usr/bin/python3 /usr/local/bin/python3
ln -sf /usr/bin/python3 /usr/local/bin/python
PYTHONPATH=$(echo /usr/share/python-wheels/pip-*.whl) python3 -m pip install --quiet --no-index \
    --no-cache-dir --no-compile --root-user-action=ignore --find-links /usr/share/python-wheels pip setuptools
python3 -m compileall -q --invalidation-mode unchecked-hash /usr/local/lib
find /usr/share/doc -depth ! -type d ! -name copyright -delete
find /usr/share/doc -depth -type d -empty -delete
rm -rf /usr/share/groff /usr/share/info/* /usr/share/lintian /usr/share/locale/* /usr/share/man/*
rm -rf /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/lib/apt/lists/* /var/log/*
rm -rf /var/lib/dpkg/*-old /tmp/* /run/* /root/.cache
rm -f /etc/hostname /etc/resolv.conf /etc/dpkg/dpkg.cfg.d/fast /etc/.pwd.lock
: >/etc/machine-id
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
mkdir -p /var/cache/apt/archives/partial /var/lib/apt/lists/partial
"""

# A private mount namespace hides debootstrap's mounts, and a pid namespace ends its processes: otherwise the children
# of a killed shell script survive it.
_OWN_NAMESPACES: Final = ("unshare", "--mount", "--pid", "--fork", "--kill-child")

# debootstrap downloads with wget, which a minimal Debian does not have.
_WGET: Final = """\
#!{python}
import shutil, sys, urllib.request
arguments = sys.argv[1:]
target = arguments[arguments.index("-O") + 1]
with urllib.request.urlopen(arguments[-1], timeout=60) as source, open(target, "wb") as sink:
    shutil.copyfileobj(source, sink)
"""


def recipe(machine: Debian) -> str:
    """Twelve hex digits that change whenever the result would change."""
    parts = [CODENAME, *_PACKAGES, _DPKG, _FINISH, *_sources(machine)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def make(layout: Layout, machine: Debian, commands: ChildProcesses) -> Path:
    """Creates `rootfs-<recipe>.tar` and returns its path. Packages are kept, so that a retry is quicker."""
    tar = layout.base / f"rootfs-{recipe(machine)}.tar"
    if tar.exists():
        return tar
    layout.base.mkdir(parents=True, exist_ok=True)
    tree = layout.base / "rootfs.partial"
    mounts.remove(tree)
    for old in layout.base.glob("rootfs-*.tar*"):
        old.unlink()
    _bootstrap(layout, machine, tree, commands)
    _finish(tree, machine, commands)
    _pack(tree, tar, commands)
    mounts.remove(tree)
    return tar


def _bootstrap(layout: Layout, machine: Debian, tree: Path, commands: ChildProcesses) -> None:
    configuration = tree / "etc/dpkg/dpkg.cfg.d"
    configuration.mkdir(parents=True)
    (configuration / "slim").write_text(_DPKG)
    (configuration / "fast").write_text("force-unsafe-io\n")
    cache = layout.base / "debs"
    cache.mkdir(parents=True, exist_ok=True)
    tool, env = _debootstrap(layout, machine, commands)
    commands.run(
        [
            *(*_OWN_NAMESPACES, tool, "--variant=minbase", f"--cache-dir={cache}", f"--include={','.join(_PACKAGES)}"),
            *(f"--keyring={machine.archive.keyring}", CODENAME, tree, machine.archive.uri),
        ],
        what="debootstrap",
        log="debootstrap",
        env=env,
    )


def _debootstrap(layout: Layout, machine: Debian, commands: ChildProcesses) -> tuple[Path, dict[str, str]]:
    """The installed debootstrap, or an unpacked one, with its environment."""
    path = os.environ.get("PATH", "")
    # Debian's system folders, which are missing in the PATH of a normal user or a cron job
    env = {**os.environ, "PATH": f"{path}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
    env.pop("TMPDIR", None)
    tool = layout.base / "tool"
    if shutil.which("wget", path=env["PATH"]) is None:
        (tool / "bin").mkdir(parents=True, exist_ok=True)
        shim = tool / "bin/wget"
        shim.write_text(_WGET.format(python=sys.executable))
        shim.chmod(0o755)
        env["PATH"] = f"{shim.parent}:{env['PATH']}"
    if found := shutil.which("debootstrap", path=env["PATH"]):
        return Path(found), env
    root = tool / "root"
    if not root.exists():
        private = apt.own(layout.apt / "tool", machine.sources)
        debs = tool / "debs"
        shutil.rmtree(debs, ignore_errors=True)
        private.download(["debootstrap"], debs, commands)
        apt.unpack(debs, root, commands)
    env["DEBOOTSTRAP_DIR"] = str(root / "usr/share/debootstrap")
    return root / "usr/sbin/debootstrap", env


def _finish(tree: Path, machine: Debian, commands: ChildProcesses) -> None:
    (tree / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in _sources(machine)))
    environment = (
        "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C.UTF-8",
        "HOME=/root",
        # Modules that are imported here would leave byte code with a time, which compileall then keeps.
        "PYTHONDONTWRITEBYTECODE=1",
    )
    commands.run(
        [*_OWN_NAMESPACES, "chroot", tree, "/usr/bin/env", "-i", *environment, "/bin/sh", "-c", _FINISH],
        what="finishing the base image",
        log="finish-base",
    )


def _pack(tree: Path, tar: Path, commands: ChildProcesses) -> None:
    """Creates a tar in a fixed order, with no entry newer than the newest package, so that equal packages give equal
    bytes."""
    packages = [path.lstat().st_mtime for path in (tree / "usr/share/doc").glob("*/copyright")]
    if not packages:
        raise EngineError("debootstrap left no packages; see debootstrap.log")
    partial = tar.with_name(f"{tar.name}.partial")
    commands.run(
        [
            *(
                "tar",
                "--create",
                f"--file={partial}",
                f"--directory={tree}",
                "--sort=name",
                "--numeric-owner",
            ),
            *("--format=gnu", "--clamp-mtime", f"--mtime=@{int(max(packages))}"),
            # files that the runtime gives to every container
            *("--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", "."),
        ],
        what="packing the base image",
        log="pack-base",
    )
    partial.rename(tar)


def _sources(machine: Debian) -> list[str]:
    """apt's sources in the image: the machine's own mirror, which builds can reach."""
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    own = [source._replace(keyring=keyring) for source in machine.sources]
    if machine.release.codename == CODENAME:
        return [source.line() for source in own]
    # On a newer Debian, its archive also serves the older release.
    archive = debian.archive(own, machine.release.codename)
    return [archive.line(CODENAME)] if archive else []
