"""Checks for single values of a spec. Each raises INVALID_SPEC."""

import re
from typing import Final

from boatyard.errors import invalid

LONGEST_TEXT: Final = 65_536
LONGEST_DOCKERFILE: Final = 524_288
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SECRET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
_MOUNT: Final = re.compile(r"(?:/[A-Za-z0-9._@+-]+)+\Z")


def text(value: str, *, field: str, newlines: bool = False, empty: bool = True, longest: int = LONGEST_TEXT) -> str:
    """Checks for control characters; tabs are allowed, and line ends with `newlines`."""
    if not empty and not value.strip():
        raise invalid("must not be empty", field=field)
    if len(value) > longest:
        raise invalid(f"is longer than {longest} characters", field=field)
    if _CONTROL.search(value) or (not newlines and ("\n" in value or "\r" in value)):
        raise invalid("holds a line end or another control character", field=field)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise invalid("is not valid Unicode", field=field) from None
    return value


def is_env_name(name: str) -> bool:
    return _ENV_NAME.match(name) is not None


def env_name(name: str, *, field: str) -> str:
    if not is_env_name(name):
        raise invalid(f"{name!r} is not the name of an environment variable", field=field)
    return name


def is_secret_name(name: str) -> bool:
    return _SECRET_NAME.match(name) is not None


def secret_name(name: str, *, field: str) -> str:
    """Checks a secret's name, which becomes a file name and a Kubernetes key: no separators, no leading dot."""
    if not is_secret_name(name):
        raise invalid(f"{name!r} is not a secret's name (letters, digits, _ . -)", field=field)
    return name


def context_path(path: str, *, field: str) -> str:
    """Checks for a normalized relative path inside the context. `.` is the whole context."""
    text(path, field=field, empty=False)
    parts = path.removesuffix("/").split("/")
    if path.startswith("/") or "\\" in path or ".." in parts or ("." in parts and path != ".") or "" in parts:
        raise invalid(f"{path!r} is not a plain path inside the context", field=field)
    return path


def absolute_path(path: str, *, field: str) -> str:
    """Checks a mount target: absolute, without characters that BuildKit's --mount syntax interprets."""
    if not _MOUNT.match(path) or {".", ".."} & set(path.split("/")):
        raise invalid(f"{path!r} is not an absolute path of letters, digits and . _ @ + -", field=field)
    return path
