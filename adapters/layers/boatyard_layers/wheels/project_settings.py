"""Checks the settings that uv would read in a project's folder."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from boatyard import toml
from boatyard_layers.errors import NotExact

_UNDERSTOOD: Final = frozenset(
    {
        "build-backend",
        "build-constraint-dependencies",
        "cache-keys",
        "compile-bytecode",
        "concurrent-builds",
        "concurrent-downloads",
        "concurrent-installs",
        "conflicts",
        "constraint-dependencies",
        "default-groups",
        "dependency-groups",
        "dependency-metadata",
        "dev-dependencies",
        "environments",
        "exclude-dependencies",
        "exclude-newer",
        "exclude-newer-package",
        "extra-index-url",
        "fork-strategy",
        "http-retries",
        "http-timeout",
        "index",
        "index-strategy",
        "index-url",
        "link-mode",
        "managed",
        "no-build",
        "no-build-package",
        "no-sources",
        "no-sources-package",
        "override-dependencies",
        "package",
        "pip",
        "prerelease",
        "preview",
        "preview-features",
        "required-environments",
        "required-version",
        "resolution",
        "sources",
        "system-certs",
        "native-tls",
        "workspace",
    }
)
"""Settings of a project that mean here what they mean in the image."""
_SCRIPT: Final = re.compile(r"^# /// script\s*$\n(?P<text>(?:^#(?:| .*)$\n)+?)^# ///\s*$", re.MULTILINE)


def check_settings(tree: Path, script: Path | None) -> None:
    """Raises NotExact for settings that name what is not the project's: folders of the machine, programs, caches."""
    given = [_read(path.read_bytes()) for path in tree.rglob("uv.toml")]
    given += [_uv_of(_read(path.read_bytes())) for path in tree.rglob("pyproject.toml")]
    if script is not None:
        given.append(_uv_of(_read(_metadata_of(script))))
    for settings in given:
        for name in sorted(settings):
            if name not in _UNDERSTOOD:
                raise NotExact(f"the project has the setting {name} of uv")
        for address in _addresses(settings):
            if not address.startswith(("https://", "http://")):
                raise NotExact("the project has an index that is no HTTP address")


def _metadata_of(script: Path) -> bytes:
    """The TOML in a script (PEP 723)."""
    found = _SCRIPT.search(script.read_text(encoding="utf-8", errors="replace"))
    lines = found["text"].splitlines(keepends=True) if found else []
    return "".join(line[2:] if line[1:2] == " " else line[1:] for line in lines).encode()


def _read(data: bytes) -> dict[str, Any]:
    try:
        return toml.loads(data.decode())
    except (UnicodeDecodeError, toml.TOMLDecodeError, RecursionError):
        raise NotExact("a file of the project cannot be read") from None


def _uv_of(document: dict[str, Any]) -> dict[str, Any]:
    tool = document.get("tool")
    settings = tool.get("uv") if isinstance(tool, dict) else None
    return settings if isinstance(settings, dict) else {}


def _addresses(settings: dict[str, Any]) -> Iterator[str]:
    indexes = settings.get("index", [])
    extra = settings.get("extra-index-url", [])
    given = [
        *(index.get("url", "") for index in indexes if isinstance(index, dict)),
        *(extra if isinstance(extra, list) else [extra]),
        *([settings["index-url"]] if "index-url" in settings else []),
    ]
    yield from (each if isinstance(each, str) else "" for each in given)
