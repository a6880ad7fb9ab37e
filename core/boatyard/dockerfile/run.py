"""RUN instructions: one shell script each, in exec form, with its mounts.

The script is a JSON string, so nothing in it can end the instruction, add a flag or start a heredoc.
"""

import msgspec

from boatyard.dockerfile.quoting import json_array
from boatyard.spec import Secret

CA_SECRET = "boatyard-ca"  # noqa: S105 - the id of a mount, not a secret
NETWORK_SECRET = "boatyard-network"  # noqa: S105
CA_PATH = "/run/boatyard/ca.pem"
NETWORK_PATH = "/run/boatyard/network.sh"
_SECRETS = "/run/boatyard/secrets"


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What the deployment adds to every RUN."""

    network: bool = False
    """Mount the CA bundle and source the network script (indexes, proxies): both stay out of layers."""
    cache_scope: str = ""
    """Prefix of cache mounts' ids. Projects do not share them: one could poison another's packages."""


def cache(site: Site, name: str, target: str, *, locked: bool = False) -> str:
    sharing = "locked" if locked else "shared"
    return f"--mount=type=cache,id={site.cache_scope}{name},target={target},sharing={sharing}"


def bind(source: str, target: str, *, writable: bool = False) -> str:
    return f"--mount=type=bind,source={source},target={target}" + (",rw" if writable else "")


def run(site: Site, script: str, *, mounts: tuple[str, ...] = (), secrets: tuple[Secret, ...] = ()) -> str:
    """One RUN. Secrets become variables of the script, or files where they name a mount path."""
    flags: list[str] = []
    prelude: list[str] = []
    if site.network:
        flags.append(f"--mount=type=secret,id={CA_SECRET},target={CA_PATH}")
        flags.append(f"--mount=type=secret,id={NETWORK_SECRET},target={NETWORK_PATH}")
        prelude.append(f". {NETWORK_PATH}")
    for secret in dict.fromkeys(secrets):
        target = secret.mount_path or f"{_SECRETS}/{secret.name}"
        flags.append(f"--mount=type=secret,id={secret_id(secret.name)},target={target},required=true")
        if variable := secret.environment_name:
            # `$(…)` drops line ends at the end of its output; the x keeps those of the value.
            prelude.append(f'{variable}="$(cat {target}; printf x)"; export {variable}="${{{variable}%x}}"')
    flags.extend(mounts)
    return " ".join(["RUN", *flags, json_array(("/bin/sh", "-c", "\n".join([*prelude, script])))])


def secret_id(name: str) -> str:
    """The id under which the job hands the secret to BuildKit."""
    return f"secret-{name}"
