"""Translates locks to and from pylock.toml (PEP 751).

`packages` is what other tools install: the finished image's packages, for each platform. What PEP 751 has no words for
is below `tool.boatyard`: which layer installed what, and packages that came from no wheel.
"""

from typing import Any, Final, NamedTuple

import msgspec

from boatyard import toml
from boatyard.decoding import Undecodable, convert
from boatyard.lock.model import LARGEST, Lock, LockedPackage, LockedWheel, encode, without_credentials

_LARGEST_TEXT: Final = 3 * LARGEST
_MACHINES: Final = {
    "386": "i686",
    "amd64": "x86_64",
    "arm": "armv7l",
    "arm64": "aarch64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
"""`platform_machine` for an OCI architecture."""


class _Kind(NamedTuple):
    name: str
    version: str
    origin: str


def to_document(lock: Lock) -> dict[str, Any]:
    """The document of pylock.toml, as tomli-w writes it."""
    markers = [marker_of(each.platform) for each in lock.platforms]
    wheels: dict[_Kind, dict[str, LockedWheel]] = {}
    where: dict[_Kind, list[str]] = {}
    for marker, each in zip(markers, lock.platforms, strict=True):
        for package in each.installed.values():
            if package.wheels:
                kind = _Kind(package.name, package.version, package.index)
                wheels.setdefault(kind, {}).update({wheel.sha256: wheel for wheel in package.wheels})
                where.setdefault(kind, []).append(marker)
    return {
        "lock-version": "1.0",
        "environments": markers,
        "requires-python": f"=={lock.python}.*",
        "created-by": "boatyard",
        "packages": [
            _package(kind, wheels[kind].values(), [] if where[kind] == markers else where[kind])
            for kind in sorted(wheels)
        ],
        "tool": {"boatyard": {"lock": msgspec.json.decode(encode(lock))}},
    }


def from_text(text: str) -> Lock:
    """Reads a pylock.toml that `boatyard lock` printed. Raises Undecodable, also if it was changed since."""
    document = _parse(text)
    tool = document.get("tool")
    own = tool.get("boatyard") if isinstance(tool, dict) else None
    if not isinstance(own, dict) or "lock" not in own:
        raise Undecodable("not a lock of Boatyard: it has no tool.boatyard.lock")
    lock = convert(own["lock"], Lock)
    if to_document(lock) != document:
        raise Undecodable("changed by hand: its packages are not those of tool.boatyard.lock")
    return lock


def packages_of(text: str) -> tuple[LockedPackage, ...]:
    """The packages of a resolver's pylock.toml for one environment, such as `uv pip compile --format pylock.toml`.

    Packages without wheels are left out, and so are credentials in addresses. Raises Undecodable.
    """
    found: dict[str, LockedPackage] = {}
    for each in convert(_parse(text), _Resolved).packages:
        wheels = tuple(wheel for given in each.wheels if (wheel := given.locked))
        if not wheels:
            continue
        if each.name in found:
            raise Undecodable(f"for several environments: it has {each.name} twice")
        found[each.name] = LockedPackage(
            name=each.name, version=each.version, index=without_credentials(each.index), wheels=wheels
        )
    return convert([msgspec.to_builtins(found[name]) for name in sorted(found)], tuple[LockedPackage, ...])


class _ResolvedWheel(msgspec.Struct, frozen=True):
    name: str = ""
    url: str = ""
    path: str = ""
    hashes: dict[str, str] = {}

    @property
    def locked(self) -> LockedWheel | None:
        url = without_credentials(self.url)
        file = self.name or (url or self.path).rpartition("/")[2].replace("%2B", "+").replace("%2b", "+")
        sha256 = self.hashes.get("sha256", "")
        return LockedWheel(file=file, sha256=sha256, url=url) if sha256 else None


class _ResolvedPackage(msgspec.Struct, frozen=True):
    name: str
    version: str = ""
    index: str = ""
    wheels: tuple[_ResolvedWheel, ...] = ()


class _Resolved(msgspec.Struct, frozen=True):
    packages: tuple[_ResolvedPackage, ...] = ()


def _parse(text: str) -> dict[str, Any]:
    if len(text) > _LARGEST_TEXT:
        raise Undecodable(f"longer than {_LARGEST_TEXT:,} characters")
    try:
        return toml.loads(text)
    except toml.TOMLDecodeError as error:
        raise Undecodable(f"not TOML: {error}"[:200]) from None
    except RecursionError:
        raise Undecodable("nested too deeply") from None


def _package(kind: _Kind, wheels: Any, markers: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": kind.name, "version": kind.version}
    if markers:
        made["marker"] = " or ".join(f"({marker})" for marker in markers) if len(markers) > 1 else markers[0]
    if kind.origin:
        made["index"] = kind.origin
    made["wheels"] = [
        {
            "name": wheel.file,
            **({"url": wheel.url} if wheel.url else {"path": wheel.file}),
            "hashes": {"sha256": wheel.sha256},
        }
        for wheel in sorted(wheels, key=lambda wheel: (wheel.file, wheel.sha256))
    ]
    return made


def marker_of(platform: str) -> str:
    """The marker (PEP 508) that is true on a platform alone."""
    return f"sys_platform == 'linux' and platform_machine == '{_machine(platform)}'"


def environment_of(python: str, platform: str) -> dict[str, str]:
    """The variables of markers for an image's Python and platform."""
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": _machine(platform),
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }


def _machine(platform: str) -> str:
    architecture = platform.split("/")[1]
    return _MACHINES.get(architecture, architecture)
