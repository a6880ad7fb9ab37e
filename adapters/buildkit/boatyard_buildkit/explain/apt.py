"""Recognizes apt-get's messages (apt 2.6; its error lines have not changed for many years)."""

import re
from typing import Final

from boatyard.errors import Code
from boatyard_buildkit.explain import command
from boatyard_buildkit.explain.verdict import Verdict

_UNREACHABLE: Final = re.compile(
    r"Could not connect to (\S+)|Could not resolve '([^']+)'|Temporary failure resolving '([^']+)'"
    r"|Unable to connect to (\S+)|Connection timed out|Connection failed|Could not handshake|Certificate verif"
)
_FETCH: Final = re.compile(r"^(?:E|W): Failed to fetch (\S+)\s*(.*)$")
_ABSENT: Final = re.compile(
    r"^E: (?:Unable to locate package (\S+)|Package '([^']+)' has no installation candidate"
    r"|Couldn't find any package by (?:glob|regex) '([^']+)')"
)
_VERSION: Final = re.compile(r"^E: Version '([^']+)' for '([^']+)' was not found")
_SPACE: Final = re.compile(r"^E: You don't have enough free space")
_DPKG_FULL: Final = re.compile(r"^ \S.*\(No space left on device\)$")
"""The reason line after `dpkg: error processing archive …`."""
_DPKG: Final = re.compile(r"^E: Sub-process \S+ returned an error code")
_BROKEN: Final = re.compile(r"^dpkg: error processing (?:package|archive) (\S+)")
_LAST: Final = 12
_CONFLICT: Final = re.compile(r"^\s*(\S+)\s*: (?:Depends|PreDepends|Conflicts|Breaks): (.*)$")


def read(output: tuple[str, ...], code: int) -> Verdict | None:
    if any(_SPACE.match(line) or (line.startswith(("E: ", "W: ")) and command.is_full(line)) for line in output):
        return command.full("apt")
    if any(map(_DPKG.match, output[-_LAST:])):
        return _dpkg(output)
    # Before the packages: without its lists apt knows no package, and reports each as missing.
    if found := _network(output):
        return found
    absent = list(dict.fromkeys(next(filter(None, m.groups())) for line in output if (m := _ABSENT.match(line))))
    if absent:
        names = ", ".join(absent)
        return Verdict(
            Code.APT_PACKAGE_NOT_FOUND, f"apt has no package {names}", "Check the name for the base image's release."
        )
    if version := next(filter(None, map(_VERSION.match, output)), None):
        return Verdict(
            Code.APT_PACKAGE_NOT_FOUND,
            f"apt has {version[2]}, but not in version {version[1]}",
            f"Leave the version out, or name one that `apt-cache policy {version[2]}` lists.",
        )
    unmet = any("unmet dependencies" in line for line in output)
    if unmet and (conflict := next(filter(None, map(_CONFLICT.match, output)), None)):
        return Verdict(
            Code.COMMAND_FAILED,
            f"apt cannot install {conflict[1]} with the other packages: it needs {conflict[2]}",
            "Leave out or change one of the packages.",
        )
    if code == 127:
        return Verdict(
            Code.COMMAND_FAILED,
            "the base image has no apt-get",
            "Use a base image of Debian or Ubuntu for apt packages.",
        )
    return None


def _dpkg(output: tuple[str, ...]) -> Verdict:
    """Explains that dpkg failed. Output of the packages' own scripts is ignored."""
    begin = next((at for at, line in enumerate(output) if _BROKEN.match(line)), len(output))
    if any(map(_DPKG_FULL.match, output[begin:])):
        return command.full("dpkg")
    names = list(dict.fromkeys(found[1] for line in output[begin:] if (found := _BROKEN.match(line))))
    which = f"the package {names[0].rpartition('/')[2]}" if names else "a package"
    return Verdict(
        Code.COMMAND_FAILED,
        f"{which} cannot be installed: dpkg ended with an error",
        "Read the last lines for its reason.",
    )


def _network(output: tuple[str, ...]) -> Verdict | None:
    for line in output:
        fetch = _FETCH.match(line)
        if not fetch:
            continue
        if found := _UNREACHABLE.search(fetch[2]):
            host = next(filter(None, found.groups()), "") or _host(fetch[1])
            return Verdict(Code.NETWORK_UNREACHABLE, f"apt cannot reach {host}")
        return Verdict(Code.NETWORK_UNREACHABLE, f"apt cannot fetch {fetch[1]}: {fetch[2] or 'no reason given'}")
    return None


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0] or url
