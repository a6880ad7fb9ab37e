"""Recognizes Poetry's messages (1.8 to 2.x). Its layer also installs poetry itself, with uv."""

import re
from typing import Final

from boatyard.errors import Code
from boatyard_buildkit.explain import command, uv
from boatyard_buildkit.explain.verdict import Verdict

_OUTDATED: Final = re.compile(
    r"pyproject\.toml changed significantly since poetry\.lock was last generated"
    r"|poetry\.lock is not up to date with pyproject\.toml"
    r"|poetry\.lock was (?:created|generated) by a (?:newer|different) version|lock file is not compatible"
)
_MISSING: Final = re.compile(r"Could not find a poetry\.lock|poetry\.lock (?:file )?(?:does not exist|not found)")
_NOT_FOUND: Final = re.compile(r"Unable to find installation candidates for (\S+)(?: \(([^)]+)\))?")
_NO_MATCH: Final = re.compile(r"Because (?:.* )?depends on (\S+) \(([^)]*)\) which doesn't match any versions")
_QUOTED: Final = ("ChefBuildError", "CalledProcessError", "PEP517BuildError")
_OSERROR: Final = re.compile(r"^\s*\[Errno 28\]|^error: |^\s+(?:cause|Caused by): ")
_LAST: Final = 12
_CONFLICT: Final = re.compile(r"version solving failed")
_CONNECT: Final = re.compile(
    r"All attempts to connect to (\S+) failed|Max retries exceeded|NameResolutionError|Connection refused"
    r"|ConnectionError|ConnectTimeout"
)


def read(output: tuple[str, ...], code: int) -> Verdict | None:
    # Poetry quotes the output of a build backend below this name.
    end = next((at for at, line in enumerate(output) if line.strip() in _QUOTED), len(output))
    output = output[:end] if end < len(output) else output
    text = "\n".join(output)
    if end == len(output) and any(command.is_full(line) for line in output[-_LAST:] if _OSERROR.match(line)):
        return command.full("poetry")
    if _OUTDATED.search(text):
        return Verdict(
            Code.LOCK_OUTDATED,
            "the lock file poetry.lock is out of date with pyproject.toml",
            "Run `poetry lock`, commit poetry.lock, then build again.",
        )
    if _MISSING.search(text):
        return Verdict(
            Code.LOCK_OUTDATED, "the lock file poetry.lock is missing", "Run `poetry lock`, then build again."
        )
    if absent := _NOT_FOUND.search(text):
        version = f" {absent[2]}" if absent[2] else ""
        return Verdict(Code.PACKAGE_NOT_FOUND, f"no file of {absent[1]}{version} fits this Python and platform")
    if unmatched := _NO_MATCH.search(text):
        return Verdict(Code.PACKAGE_NOT_FOUND, f"the package index has no {unmatched[1]} that matches {unmatched[2]}")
    if _CONFLICT.search(text):
        return Verdict(Code.PIP_RESOLUTION_CONFLICT, "poetry cannot solve the versions that pyproject.toml asks for")
    if unreachable := _CONNECT.search(text):
        return Verdict(Code.NETWORK_UNREACHABLE, f"poetry cannot reach {unreachable[1] or 'the package index'}")
    return uv.read(output, code)
