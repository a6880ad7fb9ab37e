"""The login of the engine's registry: one account, whose password is only in the state folder.

RUN steps of this engine have the host's network and can connect to the registry. Without the password they can neither
push, nor pull, nor list. Docker's programs get it from a private configuration folder; BuildKit asks the client of each
build for it and does not reveal it to the steps.
"""

import base64
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import bcrypt

from boatyard_local import durable
from boatyard_local.engine.layout import Layout

USER: Final = "boatyard"
_BYTES: Final = 32
_ROUNDS: Final = 4
"""bcrypt's minimum: the registry hashes at each request, and 256 random bits need no slow hash."""
_SHARED: Final = ("cli-plugins", "contexts", "plugins")
_BENEATH: Final = "beneath"
"""A file in the private configuration folder: the path of the user's own folder, whose contents it copies."""


def password(layout: Layout) -> str:
    """The password, created on first use and kept, so that builds survive a restart of the registry."""
    path = layout.registry_password
    if found := durable.read_private(path):
        return found.decode("ascii")
    made = secrets.token_urlsafe(_BYTES)
    layout.engine.mkdir(parents=True, exist_ok=True)
    durable.write(path, made.encode("ascii"))
    return made


def authorization(layout: Layout) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return f"Basic {_encoded(password(layout))}"


def write_htpasswd(layout: Layout) -> Path:
    """Writes the file with the password's hash for the registry."""
    hashed = bcrypt.hashpw(password(layout).encode("ascii"), bcrypt.gensalt(_ROUNDS)).decode("ascii")
    durable.write(layout.htpasswd, f"{USER}:{hashed}\n".encode("ascii"))
    return layout.htpasswd


def write_docker_config(layout: Layout, address: str, beneath: Path | None = None) -> None:
    """Writes the folder for DOCKER_CONFIG, with a login to the registry at `address`.

    `beneath` is the user's own folder, for all other entries: logins, helpers, plugins, contexts. Without it, other
    entries in the private folder stay.
    """
    folder = layout.docker_config
    durable.make_folder(folder)
    if beneath is not None:
        durable.write(folder / _BENEATH, json.dumps([str(beneath.absolute()), address]).encode())
        for name in _SHARED:
            _link(folder / name, beneath / name)
    document = _read((beneath or folder) / "config.json")
    _write(folder, document, address, _encoded(password(layout)))


def follow(folder: Path) -> None:
    """Updates a folder of `write_docker_config` with later changes by `docker login`."""
    try:
        beneath, address = json.loads((folder / _BENEATH).read_bytes())
        theirs, ours = Path(beneath) / "config.json", folder / "config.json"
        if theirs.stat().st_mtime_ns <= ours.stat().st_mtime_ns:
            return
        auth = _read(ours)["auths"][address]["auth"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    _write(folder, _read(theirs), address, auth)


def _write(folder: Path, document: dict[str, Any], address: str, auth: str) -> None:
    auths, helpers = (dict(found) if isinstance(found := document.get(name), dict) else {} for name in _SIGNING)
    # An empty helper makes Docker read the file even if a credsStore is set.
    merged = document | {"auths": auths | {address: {"auth": auth}}, "credHelpers": helpers | {address: ""}}
    data = json.dumps(merged, indent=2).encode()
    with suppress(OSError):
        if durable.read_private(folder / "config.json") == data:
            os.utime(folder / "config.json")
            return
    durable.write(folder / "config.json", data)


_SIGNING: Final = ("auths", "credHelpers")


def _read(path: Path) -> dict[str, Any]:
    """Reads a Docker configuration; empty if it is missing or unreadable."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _link(path: Path, target: Path) -> None:
    if path.is_symlink():
        path.unlink()
    if target.is_dir() and not path.exists():
        path.symlink_to(target.absolute(), target_is_directory=True)


def _encoded(word: str) -> str:
    return base64.b64encode(f"{USER}:{word}".encode("ascii")).decode("ascii")
