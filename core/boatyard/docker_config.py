"""Reads and writes Docker config JSON, the format of `docker login` and of Kubernetes pull secrets.

The format: https://docs.docker.com/reference/cli/docker/login/ and Docker's `config/types/authconfig.go`.
"""

import base64
import binascii
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import invalid

_DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
HUB_SERVER: Final = "https://index.docker.io/v1/"
"""Docker's name for the login of docker.io."""


class Login(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of `auths`. `auth` is base64 of `name:password`; an identity token is an OAuth2 refresh token."""

    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""

    def __repr__(self) -> str:
        return "Login(…)"

    def pair(self) -> tuple[str, str] | None:
        """User name and password, from `auth` if present; None if that is not base64 of such a pair."""
        if not self.auth:
            return self.username, self.password
        try:
            # Like Go's decoder: ignores line ends, and zeros around the password.
            decoded = base64.b64decode(self.auth.replace("\r", "").replace("\n", ""), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
        name, colon, password = decoded.partition(":")
        return (name, password.strip("\0")) if colon else None


class DockerConfig(msgspec.Struct, frozen=True, rename={"cred_helpers": "credHelpers", "creds_store": "credsStore"}):
    """The credentials in the file; the rest is ignored."""

    auths: dict[str, Login] = {}
    cred_helpers: dict[str, str] = {}
    creds_store: str = ""


class _Auths(msgspec.Struct, frozen=True):
    auths: dict[str, Login] = {}


def parse(document: bytes) -> DockerConfig:
    """Parses a document. Raises Undecodable, which never quotes it, because it contains passwords."""
    return decode_json(document, DockerConfig)


def logins(document: bytes) -> dict[str, Login]:
    """Parses only `auths`, by the servers' names as written. Raises Undecodable.

    Use it for a document from a user, whose helpers would be programs that the user chooses.
    """
    return decode_json(document, _Auths).auths


def passwords(document: bytes) -> list[bytes]:
    """The secret values in a Docker config, decoded and encoded; none if it is not a Docker config."""
    try:
        found = logins(document).values()
    except Undecodable:
        return []
    written = [value for each in found for value in (each.auth, each.password, each.identitytoken, each.registrytoken)]
    decoded = [pair[1] for each in found if (pair := each.pair())]
    return [value.encode() for value in dict.fromkeys((*written, *decoded)) if value]


def written_host(server: str) -> str:
    """The host in a server's name, as written there: ghcr.io for `https://ghcr.io/v1/`."""
    return server.removeprefix("https://").removeprefix("http://").partition("/")[0]


def host_of(server: str) -> str:
    """The canonical host: ghcr.io for `https://ghcr.io/v1/`, `ghcr.io/acme` and `ghcr.io`; one name for Docker Hub."""
    host = written_host(server).lower()
    return "docker.io" if host in _DOCKER_HUB else host


def server_of(host: str) -> str:
    """The key of `auths` for a host."""
    return HUB_SERVER if host_of(host) == "docker.io" else host_of(host)


def encode(logins: dict[str, Login]) -> str:
    """A Docker config with these logins and nothing else. `logins` maps hosts to logins."""
    return msgspec.json.encode({"auths": {server_of(host): login for host, login in logins.items()}}).decode()


def login(username: str, password: str) -> Login:
    return Login(auth=base64.b64encode(f"{username}:{password}".encode()).decode())


def check(document: bytes, *, field: str) -> None:
    """Raises INVALID_SPEC unless the document has a login. The error never quotes it, since it contains passwords."""
    try:
        auths = logins(document)
    except Undecodable:
        auths = {}
    if not auths:
        raise invalid('an image_pull secret is a Docker config.json with "auths"', field=field)
    for server, entry in auths.items():
        if not _is_usable(entry):
            raise invalid(
                f"the entry for {server[:200]!r} holds no login: `auth` is base64 of name:password; a credential "
                "helper's logins are read with `boatyard secret create --from-docker-config`",
                field=field,
            )


def _is_usable(entry: Login) -> bool:
    if entry.identitytoken or entry.registrytoken or (entry.username and entry.password):
        return True
    return bool(entry.auth) and entry.pair() is not None
