"""Writes the job's Docker configuration: the deployment's own, with the registry secrets of this build."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec

from boatyard import docker_config
from boatyard.decoding import Undecodable, decode_json
from boatyard.docker_config import Login, written_host
from boatyard.errors import invalid
from boatyard.job import BuildJob
from boatyard.settings import AuthenticationType
from boatyard_buildkit.secret_files import SecretFiles

_SHARED: Final = ("cli-plugins", "contexts")
_KEPT: Final = ("currentContext", "cliPluginsExtraDirs", "proxies", "credsStore", "credHelpers")

_HELPERS: Final[dict[AuthenticationType, str]] = {
    "aws": "boatyard-ecr",
    "azure": "boatyard-acr",
    "google": "boatyard-gcr",
}
"""Names without Docker's prefix `docker-credential-`. Each answers "not found" for hosts outside of its cloud, and
Docker then continues without credentials."""


def deployment_folder(configured: str) -> Path:
    """The folder in the settings, else the one that Docker would use."""
    return Path(configured or os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def credential_store(kind: AuthenticationType) -> str:
    """The value of `credsStore`; empty if the type needs no helper or this machine lacks it, since a laptop may have
    other logins."""
    helper = _HELPERS.get(kind, "")
    return helper if helper and shutil.which(f"docker-credential-{helper}") else ""


def write_docker_config(
    folder: Path, source: Path, job: BuildJob, secrets: SecretFiles, *, store: str = ""
) -> dict[str, str]:
    """Fills `folder` and returns the variables that make Docker's programs use it.

    `store` is the credential helper for hosts that the deployment's own configuration does not mention.

    Only `auths` of a registry secret is used: its helpers and plugins would be programs that a user chooses and this
    machine runs. Raises INVALID_SPEC for a secret that is not a Docker config.
    """
    folder.mkdir(mode=0o700)
    document = {name: value for name, value in _read(source).items() if name in _KEPT}
    auths = dict(_object(_read(source).get("auths")))
    helpers = dict(_object(document.get("credHelpers")))
    if store and not document.get("credsStore"):
        document["credsStore"] = store
        helpers = {name: "" for server in auths for name in (server, written_host(server))} | helpers
    for name in job.registry_secrets:
        for server, login in _logins(secrets.path(name), name).items():
            auths[server] = login
            # With an empty helper, Docker uses the file even if a credsStore is set.
            helpers |= {server: "", written_host(server): ""}
    document |= {"auths": auths, "credHelpers": helpers}
    path = folder / "config.json"
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(document))
    for name in _SHARED:
        if (source / name).is_dir():
            (folder / name).symlink_to((source / name).absolute(), target_is_directory=True)
    return {"DOCKER_CONFIG": str(folder), "BUILDX_CONFIG": str(_buildx(folder / "buildx", source, job))}


def _buildx(folder: Path, source: Path, job: BuildJob) -> Path:
    """Creates buildx's state, with a node id derived from the project and domain.

    BuildKit keeps the files that a node id has sent and requests only changed ones. With one id for all projects, a
    project could plant a file for another; with a new id for each build, every file would be sent again.
    """
    folder.mkdir(mode=0o700)
    scope = f"{len(job.project)}:{job.project}{job.domain}".encode()
    (folder / ".buildNodeID").write_text(hashlib.sha256(scope).hexdigest()[:16])
    original = Path(os.environ.get("BUILDX_CONFIG") or source / "buildx")
    for name in ("instances", "certs"):
        if (original / name).is_dir():
            (folder / name).symlink_to((original / name).absolute(), target_is_directory=True)
    return folder


def _logins(path: Path, name: str) -> dict[str, Login]:
    try:
        return docker_config.logins(path.read_bytes())
    except Undecodable:
        raise invalid(f"the registry secret {name} is not a Docker config JSON with `auths`") from None


def _read(source: Path) -> dict[str, Any]:
    try:
        return decode_json((source / "config.json").read_bytes(), dict[str, Any])
    except FileNotFoundError:
        return {}
    except Undecodable:
        raise invalid(f"{source / 'config.json'} is not JSON") from None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
