"""Summarizes uv's report of why requirements have no solution, in one sentence.

The grammar of that report is pubgrub's (uv-resolver, src/pubgrub/report.rs).
"""

import re
from typing import Final

from boatyard.errors import Code
from boatyard_buildkit.explain.verdict import Verdict

_BOUND: Final = r"(?:===?|>=|<=|!=|~=|<|>)[A-Za-z0-9.*+!_-]*[A-Za-z0-9*]"
_NAME: Final = r"(?!(?:we|you|your|the)\b)[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[^\]]*\])?"
_REQUIREMENT: Final = rf"({_NAME}(?:{_BOUND}(?:,{_BOUND})*)?)"

_ABSENT: Final = re.compile(rf"({_NAME}) was not found in the (?:package registry|provided package locations|cache)")
_VERSION: Final = re.compile(rf"there (?:is no version|are no versions) of {_REQUIREMENT}")
_ONLY: Final = re.compile(rf"only {_REQUIREMENT} (?:is|are) available and you require {_REQUIREMENT}")
_WHEEL: Final = re.compile(rf"{_REQUIREMENT} has no (?:usable )?wheels")
_PYTHON: Final = re.compile(
    rf"current Python version \(([\d.]+)\) does not satisfy Python(\S+) and {_REQUIREMENT} depends on Python"
)
_DEPENDS: Final = re.compile(rf"{_REQUIREMENT} depends on {_REQUIREMENT}")
_REQUIRED: Final = re.compile(rf"(?:you require|your project depends on) {_REQUIREMENT}(?: and {_REQUIREMENT})?")


def read(causes: str, hint: str) -> Verdict:
    if absent := _ABSENT.search(causes):
        advice = f"Check the name {absent[1]}, and whether the index has it."
        return Verdict(Code.PACKAGE_NOT_FOUND, f"the package index has no package {absent[1]}", hint or advice)
    if python := _PYTHON.search(causes):
        return Verdict(
            Code.PIP_RESOLUTION_CONFLICT,
            f"{python[3]} needs Python {python[2]}, and the image has {python[1]}",
            f"Ask for another version of {_bare(python[3])}, or build with another python_version.",
        )
    if wheel := _WHEEL.search(causes):
        return Verdict(Code.PACKAGE_NOT_FOUND, f"{wheel[1]} has no wheel for this Python and platform", hint)
    depends = [(found[1], found[2]) for found in _DEPENDS.finditer(causes) if found[1] != "project"]
    version = _VERSION.search(causes) or _ONLY.search(causes)
    # With dependencies in between, a missing version only explains why one alternative fails.
    if version and not depends:
        wanted = version[version.lastindex or 1]
        return Verdict(Code.PACKAGE_NOT_FOUND, f"the package index has no version {wanted}", hint)
    required = [name for found in _REQUIRED.finditer(causes) for name in found.groups() if name]
    return Verdict(Code.PIP_RESOLUTION_CONFLICT, _conflict(depends, required) or f"no solution: {causes}", hint)


def _conflict(depends: list[tuple[str, str]], required: list[str]) -> str:
    for package, dependency in depends:
        for name in required:
            if _bare(name) == _bare(dependency) and name != dependency:
                return f"{package} depends on {dependency}, but {name} is required as well"
    for i, (package, dependency) in enumerate(depends):
        for other, second in depends[i + 1 :]:
            if _bare(second) == _bare(dependency) and second != dependency:
                return f"{package} depends on {dependency}, and {other} on {second}: no version fits both"
    if depends:
        return f"{depends[0][0]} depends on {depends[0][1]}, which contradicts another requirement"
    return f"{required[0]} and {required[1]} cannot both be installed" if len(required) > 1 else ""


def _bare(requirement: str) -> str:
    return re.split(r"[<>=!~\[]", requirement, maxsplit=1)[0]
