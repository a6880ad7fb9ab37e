"""Docker config JSON, as `docker login` writes it and Kubernetes pull secrets hold it.

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
"""The name under which Docker keeps the login of docker.io."""


class Login(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of `auths`. `auth` is base64 of `name:password`; an identity token is an OAuth2 refresh token."""

    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""

    def __repr__(self) -> str:
        return "Login(…)"


class _Document(msgspec.Struct, frozen=True):
    auths: dict[str, Login] = {}


def host_of(server: str) -> str:
    """`https://ghcr.io/v1/`, `ghcr.io/acme` and `ghcr.io` are all the host ghcr.io."""
    host = server.removeprefix("https://").removeprefix("http://").partition("/")[0].lower()
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
    """Raises INVALID_SPEC unless the document holds a login. The error never quotes it: it holds passwords."""
    try:
        auths = decode_json(document, _Document).auths
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
    try:
        return ":" in base64.b64decode(entry.auth, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
