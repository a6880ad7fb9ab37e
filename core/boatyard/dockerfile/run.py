"""RUN instructions: one shell script each, in exec form, with its mounts.

The script is a JSON string, so nothing in it can end the instruction, add a flag or start a heredoc.
"""

import msgspec

from boatyard.dockerfile.quoting import json_array
from boatyard.mounts import CA_PATH, CA_SECRET, NETWORK_PATH, NETWORK_SECRET, SECRETS_PATH, secret_id
from boatyard.spec import Secret


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What the deployment adds to every RUN."""

    network: bool = False
    """Mount the CA bundle and source the network script (indexes, proxies): both stay out of layers."""
    scope: str = ""
    """Prefix of the ids of cache and secret mounts. Projects do not share them: one could poison another's packages."""


def cache(site: Site, name: str, target: str, *, locked: bool = False) -> str:
    sharing = "locked" if locked else "shared"
    return f"--mount=type=cache,id={site.scope}{name},target={target},sharing={sharing}"


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
        target = secret.mount_path or f"{SECRETS_PATH}/{secret.name}"
        flags.append(f"--mount=type=secret,id={secret_id(site.scope, secret.name)},target={target},required=true")
        if variable := secret.environment_name:
            # `$(…)` drops line ends at the end of its output; the x keeps those of the value.
            prelude.append(f'{variable}="$(cat {target}; printf x)"; export {variable}="${{{variable}%x}}"')
    flags.extend(mounts)
    return " ".join(["RUN", *flags, json_array(("/bin/sh", "-c", "\n".join([*prelude, script])))])
