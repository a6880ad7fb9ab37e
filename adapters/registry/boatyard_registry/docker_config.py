"""Credentials out of a Docker config JSON, the format of `docker login` and of Kubernetes pull secrets."""

import base64
import binascii
import re
import subprocess
from pathlib import Path
from typing import Final, Self

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard_registry.credentials import HELPER_SECONDS, Credentials

_HELPER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HUB_SERVER: Final = "https://index.docker.io/v1/"


class Auth(msgspec.Struct, frozen=True):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""


class DockerConfig(msgspec.Struct, frozen=True, rename={"cred_helpers": "credHelpers", "creds_store": "credsStore"}):
    """The part of the file that is about credentials; the rest is Docker's own business."""

    auths: dict[str, Auth] = {}
    cred_helpers: dict[str, str] = {}
    creds_store: str = ""


class _HelperAnswer(msgspec.Struct, rename="pascal"):
    username: str = ""
    secret: str = ""


class DockerConfigKeychain:
    """Resolves from a Docker config.

    `run_helpers` allows the `docker-credential-…` programs that the config names. Leave it off for a
    config that a user sent: it would let them choose which program runs.
    """

    def __init__(self, config: DockerConfig, *, run_helpers: bool = False) -> None:
        self._auths = {host_of(server): auth for server, auth in config.auths.items()}
        self._helpers = {host_of(server): name for server, name in config.cred_helpers.items()}
        self._store = config.creds_store
        self._run_helpers = run_helpers

    @classmethod
    def parse(cls, document: bytes, *, source: str, run_helpers: bool = False) -> Self:
        """`source` names the document in the error. Raises INVALID_SPEC if it is not a Docker config."""
        return cls(parse_docker_config(document, source=source), run_helpers=run_helpers)

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """The config.json of a DOCKER_CONFIG folder, with its helpers; empty if there is none."""
        path = folder / "config.json"
        try:
            document = path.read_bytes()
        except FileNotFoundError:
            return cls(DockerConfig())
        return cls.parse(document, source=str(path), run_helpers=True)

    def resolve(self, host: str, *, seconds: float = HELPER_SECONDS) -> Credentials | None:
        host = host_of(host)
        if self._run_helpers and (helper := self._helpers.get(host)):
            return _ask_helper(helper, host, seconds)
        if found := self._auths.get(host):
            return _credentials(found, host)
        if self._run_helpers and self._store:
            return _ask_helper(self._store, host, seconds)
        return None


def parse_docker_config(document: bytes, *, source: str) -> DockerConfig:
    """Raises INVALID_SPEC. The error never quotes the document, which holds passwords."""
    try:
        return decode_json(document, DockerConfig)
    except Undecodable:
        raise BoatyardError(Code.INVALID_SPEC, f"{source} is not a Docker config JSON with `auths`") from None


def host_of(server: str) -> str:
    """`https://ghcr.io/v1/`, `ghcr.io/acme` and `ghcr.io` are all the host ghcr.io."""
    host = server.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return "docker.io" if host in _DOCKER_HUB else host


def _credentials(auth: Auth, host: str) -> Credentials | None:
    username, password = auth.username, auth.password
    if auth.auth:
        try:
            decoded = base64.b64decode(auth.auth, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            raise BoatyardError(Code.REGISTRY_DENIED, f"the `auth` for {host} is not base64 of name:password") from None
        username, _, password = decoded.partition(":")
        password = password.rstrip("\0")
    if auth.identitytoken:
        return Credentials(username=username, identity_token=auth.identitytoken)
    return Credentials(username=username, password=password) if username or password else None


def _ask_helper(name: str, host: str, seconds: float) -> Credentials | None:
    if not _HELPER.match(name):
        raise BoatyardError(
            Code.REGISTRY_UNAVAILABLE, "the Docker config names a credential helper that is no plain name"
        )
    program = f"docker-credential-{name}"
    server = _HUB_SERVER if host == "docker.io" else host
    try:
        done = subprocess.run(
            [program, "get"], input=server.encode(), capture_output=True, timeout=seconds, check=False
        )
    except FileNotFoundError:
        raise BoatyardError(
            Code.REGISTRY_UNAVAILABLE, f"{program}, which the Docker config names, is not installed"
        ) from None
    except subprocess.TimeoutExpired:
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{program} did not answer in {seconds:.0f} s") from None
    except OSError as error:
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{program} cannot be run: {error.strerror}") from None
    if done.returncode:
        # Every helper of Docker's says it in these words (docker/docker-credential-helpers).
        if b"credentials not found" in done.stdout + done.stderr:
            return None
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{program} failed for {host} (exit code {done.returncode})")
    try:
        answer = decode_json(done.stdout, _HelperAnswer)
    except Undecodable:
        raise BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{program} answered something that is not JSON") from None
    if answer.username == "<token>":
        return Credentials(identity_token=answer.secret)
    return Credentials(username=answer.username, password=answer.secret)
