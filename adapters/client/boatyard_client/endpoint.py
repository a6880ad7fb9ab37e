"""Finds the deployment to use, and the client's project and domain.

First of: the argument (`--url`), BOATYARD_URL, `[client]` of the nearest boatyard.toml, the embedded server
of the nearest `.boatyard/` of this user, `[client]` of `~/.config/boatyard/config.toml`. "Nearest" is the working
directory or the closest folder above it; files above it count only if they are this user's or root's.

Files and secrets go to that address, and a folder may be a stranger's checkout. So the address of a boatyard.toml is
used only once its user has trusted it (`boatyard config trust`), and `server.json` only of a server that runs here
(server_file.py).
"""

import os
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from boatyard.decoding import Undecodable, convert
from boatyard.settings_document import CLIENT, toml_table
from boatyard_client.errors import ConfigError
from boatyard_client.server_file import SERVER_FILE, ServerRecord, read_server

URL_VARIABLE: Final = "BOATYARD_URL"
PROJECT_FILE: Final = "boatyard.toml"
TRUSTED_FILE: Final = "trusted"
"""A file beside the user's own: addresses that a project's file may name, one in a line."""


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[client]` of a configuration file."""

    url: str = ""
    project: str = ""
    domain: str = ""


class Endpoint(msgspec.Struct, frozen=True):
    url: str
    """Without a slash at its end."""
    origin: str
    """Its source: `--url`, a variable, a file."""
    explicit: bool = False
    """True if the user named it for this call."""


def find_endpoint(
    url: str = "", *, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Endpoint | None:
    """The deployment to use, or None without any. Raises ConfigError for an unreadable file."""
    variables = os.environ if environ is None else environ
    start = folder or Path.cwd()
    if url:
        return Endpoint(_url(url, "--url"), "--url", explicit=True)
    if value := variables.get(URL_VARIABLE, "").strip():
        return Endpoint(_url(value, URL_VARIABLE), URL_VARIABLE)
    for path in _upwards(start, PROJECT_FILE):
        if path.parent != start and not _is_ours(path):
            continue
        if found := read_client_settings(path).url:
            return _trusted(Endpoint(_url(found, str(path)), str(path)), variables, start)
    for path, record in own_servers(start):
        return Endpoint(record.url, str(path))
    path = user_file(variables)
    if path.is_file() and (found := read_client_settings(path).url):
        return Endpoint(_url(found, str(path)), str(path))
    return None


def require_endpoint(
    url: str = "", *, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Endpoint:
    """Like `find_endpoint`, but raises ConfigError with advice instead of returning None."""
    found = find_endpoint(url, environ=environ, folder=folder)
    if found is None:
        raise ConfigError(
            "no Boatyard is configured; start one with `boatyard serve` or set BOATYARD_URL",
            advice=f"`--url`, {URL_VARIABLE}, or url in [client] of {PROJECT_FILE} name it.",
        )
    return found


def own_servers(folder: Path) -> Iterator[tuple[Path, ServerRecord]]:
    """This user's running embedded servers in `.boatyard/` of the folder and its parents, nearest first."""
    for path in _upwards(folder, SERVER_FILE):
        if record := read_server(path):
            url = _url(record.url, str(path))
            if is_loopback(url):
                yield path, ServerRecord(url)


def same_server(one: str, other: str) -> bool:
    """Whether two addresses belong to the same process: scheme, host and port are equal."""
    return _server_of(one) == _server_of(other) is not None


def trusted_urls(environ: Mapping[str, str]) -> list[str]:
    """The addresses that the user has trusted, oldest first."""
    try:
        lines = user_file(environ).with_name(TRUSTED_FILE).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def trust(url: str, *, environ: Mapping[str, str] | None = None) -> str:
    """Adds an address that a project's file may name; returns its stored form. Raises ConfigError."""
    variables = os.environ if environ is None else environ
    made = _url(url, "URL")
    path = user_file(variables).with_name(TRUSTED_FILE)
    if made in trusted_urls(variables):
        return made
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{made}\n")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {(error.strerror or '').lower()}") from None
    return made


def project_url(folder: Path | None = None) -> str:
    """The service in the nearest boatyard.toml, trusted or not; empty without one."""
    for path in _upwards(folder or Path.cwd(), PROJECT_FILE):
        if found := read_client_settings(path).url:
            return _url(found, str(path))
    return ""


def find_client_settings(*, environ: Mapping[str, str] | None = None, folder: Path | None = None) -> ClientSettings:
    """Merges `[client]` field by field: the nearest boatyard.toml overrides the user's own file."""
    variables = os.environ if environ is None else environ
    files = [*_upwards(folder or Path.cwd(), PROJECT_FILE), user_file(variables)]
    merged: dict[str, str] = {}
    for path in reversed([path for path in files if path.is_file()]):
        fields = msgspec.structs.asdict(read_client_settings(path))
        merged.update({name: value for name, value in fields.items() if value})
    return ClientSettings(**merged)


def is_loopback(url: str) -> bool:
    """Whether the address is a loopback address."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def user_file(environ: Mapping[str, str]) -> Path:
    """`$XDG_CONFIG_HOME/boatyard/config.toml`, by default below ~/.config."""
    root = environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(root) / "boatyard" / "config.toml"


def read_toml(path: Path) -> dict[str, object]:
    try:
        return toml_table(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    except Undecodable as error:
        raise ConfigError(f"{path} is {error}") from None


def read_client_settings(path: Path) -> ClientSettings:
    try:
        return convert(read_toml(path).get(CLIENT, {}), ClientSettings)
    except Undecodable as error:
        raise ConfigError(f"{path}, [client]: {error}") from None


def upwards(folder: Path) -> Iterator[Path]:
    """The folder and its parents."""
    absolute = folder.absolute()
    yield absolute
    yield from absolute.parents


def _upwards(folder: Path, name: str) -> Iterator[Path]:
    return (path for place in upwards(folder) if (path := place / name).is_file())


def _is_ours(path: Path) -> bool:
    """Whether the file belongs to this user or root: files and secrets go to the server that it names, and a parent
    folder such as /tmp may be writable for others."""
    try:
        return path.stat().st_uid in (os.geteuid(), 0)
    except OSError:
        return False


def _trusted(endpoint: Endpoint, variables: Mapping[str, str], folder: Path) -> Endpoint:
    """Raises ConfigError for an untrusted address that only the folder's own file names."""
    if endpoint.url in trusted_urls(variables):
        return endpoint
    path = user_file(variables)
    if path.is_file() and read_client_settings(path).url.rstrip("/") == endpoint.url:
        return endpoint
    if any(same_server(record.url, endpoint.url) for _, record in own_servers(folder)):
        return endpoint
    raise ConfigError(
        f"{endpoint.origin} names {endpoint.url}, which you have not trusted yet: files and secrets would go there",
        advice=f"If it is yours, run `boatyard config trust {endpoint.url}` once, or set {URL_VARIABLE}.",
    )


def _server_of(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url.strip())
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme.lower(), 0)
    except ValueError:
        return None
    return (parts.scheme.lower(), (parts.hostname or "").lower(), port) if parts.hostname else None


def _url(text: str, origin: str) -> str:
    """The address without a slash at its end, its scheme in lower case."""
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if usable and "@" in parts.netloc:
        # Messages show addresses, so the error does not repeat the text.
        raise ConfigError(f"{origin}: the address contains a user name or password; remove it")
    if not usable or parts.query or parts.fragment:
        raise ConfigError(f"{origin}: {text!r} is not an address such as https://boatyard.example.com")
    return parts.geturl().rstrip("/")
