"""Reads this machine's logins to registries: `docker login`, credential helpers and stores.

The file is config.json of DOCKER_CONFIG, by default of ~/.docker
(https://docs.docker.com/reference/cli/docker/login/).
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from boatyard import docker_config
from boatyard.decoding import Undecodable
from boatyard.docker_config import Login
from boatyard.errors import BoatyardError
from boatyard_client.errors import InputError
from boatyard_registry import Credentials, DockerConfigKeychain

SHORT_LIVED: Final = ("amazonaws.com", "pkg.dev", "gcr.io", "azurecr.io")
"""Clouds whose credential helpers issue logins for one to twelve hours (according to their documentation of `docker
login`)."""


def read(registries: Iterable[str], path: Path | None = None) -> dict[str, Login]:
    """Maps each of `registries` to its login. `path` is a config.json; the default is this machine's.

    Raises InputError for a registry without a login, and lists those with one.
    """
    file = path or folder(os.environ) / "config.json"
    keychain = _keychain(file)
    logins: dict[str, Login] = {}
    for registry in registries:
        host = docker_config.host_of(registry)
        try:
            found = keychain.resolve(host)
        except BoatyardError as error:
            raise InputError(f"the login for {host} cannot be read: {error.detail}") from None
        if found is None:
            raise InputError(
                f"{file} has no login for {host}{_known(file)}",
                advice=f"Run `docker login {host}`, or give --registries, --username and --password-stdin.",
            )
        logins[host] = _login(found)
    return logins


def folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or "~/.docker").expanduser()


def _keychain(file: Path) -> DockerConfigKeychain:
    try:
        return DockerConfigKeychain.parse(file.read_bytes(), source=str(file), run_helpers=True)
    except FileNotFoundError:
        raise InputError(f"{file} does not exist", advice="Sign in with `docker login REGISTRY` first.") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from None
    except BoatyardError as error:
        raise InputError(error.detail) from None


def _login(found: Credentials) -> Login:
    if found.identity_token:
        # Docker writes the user name of an identity token into `auth`, and registries require it.
        name = found.username or "<token>"
        return msgspec.structs.replace(docker_config.login(name, ""), identitytoken=found.identity_token)
    return docker_config.login(found.username, found.password)


def _known(file: Path) -> str:
    try:
        document = docker_config.parse(file.read_bytes())
    except (OSError, Undecodable):
        return ""
    hosts = sorted({docker_config.host_of(server) for server in (*document.auths, *document.cred_helpers)})
    return f"; it has logins for {', '.join(hosts)}" if hosts else "; it has none at all"
