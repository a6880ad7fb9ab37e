"""A Docker configuration of the job's own: the deployment's, joined by the registry secrets of this build."""

import base64
import binascii
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob
from boatyard_buildkit.secret_files import SecretFiles

_SHARED: Final = ("cli-plugins", "contexts")
_KEPT: Final = ("currentContext", "cliPluginsExtraDirs", "proxies", "credsStore", "credHelpers")


class _Auth(msgspec.Struct):
    auth: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""


class _Auths(msgspec.Struct):
    auths: dict[str, _Auth] = {}


def deployment_folder(configured: str) -> Path:
    """What the settings name, else what Docker itself would use."""
    return Path(configured or os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def write_docker_config(
    folder: Path, source: Path, job: BuildJob, secrets: SecretFiles, *, store: str = ""
) -> dict[str, str]:
    """Fills `folder` and returns the variables that make Docker's programs use it.

    `store` is the helper to ask for hosts of which the deployment's own configuration says nothing.

    Of a registry secret only `auths` is taken: its helpers and plugins would be programs that a user
    chooses and this machine runs. Raises INVALID_SPEC for a secret that is not a Docker config.
    """
    folder.mkdir(mode=0o700)
    document = {name: value for name, value in _read(source).items() if name in _KEPT}
    auths = dict(_object(_read(source).get("auths")))
    helpers = dict(_object(document.get("credHelpers")))
    if store and not document.get("credsStore"):
        document["credsStore"] = store
        helpers = {name: "" for server in auths for name in (server, _host(server))} | helpers
    for name in job.registry_secrets:
        for server, auth in _auths(secrets.path(name), name).items():
            auths[server] = auth
            # An empty helper sends Docker to the file even where a credsStore is set.
            helpers |= {server: "", _host(server): ""}
    document |= {"auths": auths, "credHelpers": helpers}
    path = folder / "config.json"
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(document))
    for name in _SHARED:
        if (source / name).is_dir():
            (folder / name).symlink_to((source / name).absolute(), target_is_directory=True)
    return {"DOCKER_CONFIG": str(folder), "BUILDX_CONFIG": str(_buildx(folder / "buildx", source, job))}


def passwords_of(document: bytes) -> list[bytes]:
    """What is private in a Docker config, decoded and as it stands there; none if it is no Docker config."""
    try:
        auths = decode_json(document, _Auths).auths.values()
    except Undecodable:
        return []
    found = [value for auth in auths for value in (auth.auth, auth.password, auth.identitytoken, auth.registrytoken)]
    for auth in auths:
        with suppress(binascii.Error, ValueError):
            found.append(base64.b64decode(auth.auth).decode().partition(":")[2])
    return [value.encode() for value in found if value]


def _buildx(folder: Path, source: Path, job: BuildJob) -> Path:
    """buildx's own state, with a node id made of the project and domain.

    BuildKit keeps the files that a node id sent and asks only for those that changed. With one id for all,
    a project could plant a file for another one; with a new id for each build, all is sent again.
    """
    folder.mkdir(mode=0o700)
    scope = f"{len(job.project)}:{job.project}{job.domain}".encode()
    (folder / ".buildNodeID").write_text(hashlib.sha256(scope).hexdigest()[:16])
    original = Path(os.environ.get("BUILDX_CONFIG") or source / "buildx")
    for name in ("instances", "certs"):
        if (original / name).is_dir():
            (folder / name).symlink_to((original / name).absolute(), target_is_directory=True)
    return folder


def _auths(path: Path, name: str) -> dict[str, Any]:
    try:
        document = decode_json(path.read_bytes(), dict[str, Any])
        auths = document.get("auths", {})
        if isinstance(auths, dict) and all(isinstance(auth, dict) for auth in auths.values()):
            return auths
    except Undecodable:
        pass
    raise BoatyardError(Code.INVALID_SPEC, f"the registry secret {name} is not a Docker config JSON with `auths`")


def _host(server: str) -> str:
    return server.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _read(source: Path) -> dict[str, Any]:
    try:
        return decode_json((source / "config.json").read_bytes(), dict[str, Any])
    except FileNotFoundError:
        return {}
    except Undecodable:
        raise BoatyardError(Code.INVALID_SPEC, f"{source / 'config.json'} is not JSON") from None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
