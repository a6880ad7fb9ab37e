"""Finds credentials in a Docker config, and asks the credential helpers that it names."""

import re
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from boatyard import docker_config
from boatyard.decoding import Undecodable, decode_json
from boatyard.docker_config import DockerConfig, Login, host_of
from boatyard.errors import BoatyardError, Code, invalid
from boatyard_registry.credentials import HELPER_SECONDS, Credentials

_HELPER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


class _HelperAnswer(msgspec.Struct, rename="pascal"):
    username: str = ""
    secret: str = ""


class DockerConfigKeychain:
    """Resolves credentials from a Docker config.

    `run_helpers` allows the `docker-credential-…` programs that the config names. Leave it off for a config from a
    user: it would let them choose a program to run.
    """

    def __init__(self, config: DockerConfig, *, run_helpers: bool = False) -> None:
        self._auths = {host_of(server): auth for server, auth in config.auths.items()}
        self._helpers = {host_of(server): name for server, name in config.cred_helpers.items()}
        self._store = config.creds_store
        self._run_helpers = run_helpers

    @classmethod
    def parse(cls, document: bytes, *, source: str, run_helpers: bool = False) -> "DockerConfigKeychain":
        """Parses a config. `source` names the document in errors. Raises INVALID_SPEC if it is not a Docker config."""
        try:
            return cls(docker_config.parse(document), run_helpers=run_helpers)
        except Undecodable:
            raise invalid(f"{source} is not a Docker config JSON with `auths`") from None

    @classmethod
    def of_folder(cls, folder: Path) -> "DockerConfigKeychain":
        """Reads config.json in a DOCKER_CONFIG folder, with its helpers; an empty keychain without the file."""
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


def _credentials(login: Login, host: str) -> Credentials | None:
    pair = login.pair()
    if pair is None:
        raise BoatyardError(Code.REGISTRY_DENIED, f"the `auth` for {host} is not base64 of name:password")
    username, password = pair
    if login.identitytoken:
        return Credentials(username=username, identity_token=login.identitytoken)
    return Credentials(username=username, password=password) if username or password else None


def _ask_helper(name: str, host: str, seconds: float) -> Credentials | None:
    if not _HELPER.match(name):
        raise BoatyardError(
            Code.REGISTRY_UNAVAILABLE, "the Docker config names a credential helper that is no plain name"
        )
    program = f"docker-credential-{name}"
    server = docker_config.server_of(host)
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
        # Every helper of Docker's uses these words (docker/docker-credential-helpers).
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
