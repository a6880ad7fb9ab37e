"""Renders RUN instructions: one shell script each, in exec form, with its mounts.

The script is a JSON string, so its contents cannot end the instruction, add a flag or start a heredoc.
"""

import msgspec

from boatyard.dockerfile.quoting import json_array
from boatyard.mounts import (
    CA_PATH,
    CA_SECRET,
    CA_VARIABLES,
    NETWORK_PATH,
    NETWORK_SECRET,
    PIP_PATH,
    PIP_SECRET,
    SECRETS_PATH,
    UV_PATH,
    UV_SECRET,
    secret_id,
)
from boatyard.spec import Secret


class RunMounts(msgspec.Struct, frozen=True, kw_only=True):
    """The deployment's additions to every RUN."""

    certificates: bool = False
    """Whether there is a CA bundle."""
    indexes: bool = False
    """Whether the deployment has its own package indexes."""
    network: bool = False
    """Whether to mount the CA bundle and source the network script (indexes, proxies); both stay out of layers."""
    cache_prefix: str = ""
    """Prefix of the ids of cache mounts. Projects do not share them: one could poison another's packages."""
    secret_prefix: str = ""
    """Prefix of the ids of secret mounts: a name has a different value in each project."""
    cache_namespace: str = ""
    """Prefix that BuildKit's frontend adds to all ids of cache mounts, also in a user's Dockerfile."""


def site_flags(site: RunMounts) -> tuple[str, ...]:
    """The flags of every RUN, written directly after the word RUN."""
    if not site.network:
        return ()
    return (
        f"--mount=type=secret,id={CA_SECRET},target={CA_PATH}",
        f"--mount=type=secret,id={NETWORK_SECRET},target={NETWORK_PATH}",
    )


def users_flags(site: RunMounts) -> tuple[str, ...]:
    """The flags for a RUN that a user wrote, in any form: nothing can be inserted before its command.

    So pip and uv find the index in their machine-wide files, and the CA bundle's path is in the environment. Every user
    may read these files, because the step may not run as root.
    """
    flags = [*site_flags(msgspec.structs.replace(site, network=False))]
    mounts = [(CA_SECRET, CA_PATH)] if site.certificates else []
    if site.indexes:
        mounts += [(PIP_SECRET, PIP_PATH), (UV_SECRET, UV_PATH)]
    flags += [f"--mount=type=secret,id={id_},target={target},mode=0444" for id_, target in mounts]
    return tuple(flags)


def users_environment(site: RunMounts) -> dict[str, str]:
    """The environment of RUN steps that a user wrote. It only has paths, because the image's history shows it."""
    return dict.fromkeys(CA_VARIABLES, CA_PATH) if site.certificates else {}


def cache(site: RunMounts, name: str, target: str, *, locked: bool = False) -> str:
    sharing = "locked" if locked else "shared"
    return f"--mount=type=cache,id={site.cache_prefix}{name},target={target},sharing={sharing}"


def bind(source: str, target: str, *, writable: bool = False) -> str:
    return f"--mount=type=bind,source={source},target={target}" + (",rw" if writable else "")


def run(site: RunMounts, script: str, *, mounts: tuple[str, ...] = (), secrets: tuple[Secret, ...] = ()) -> str:
    """One RUN. Secrets become variables of the script, or files if they have a mount path."""
    flags = [*site_flags(site)]
    prelude = [f". {NETWORK_PATH}"] if site.network else []
    for secret in dict.fromkeys(secrets):
        target = secret.mount_path or f"{SECRETS_PATH}/{secret.name}"
        mounted = secret_id(site.secret_prefix, secret.name)
        flags.append(f"--mount=type=secret,id={mounted},target={target},required=true")
        if variable := secret.environment_name:
            # `$(…)` drops trailing line ends; the x keeps those of the value.
            prelude.append(f'{variable}="$(cat {target}; printf x)"; export {variable}="${{{variable}%x}}"')
    flags.extend(mounts)
    return " ".join(["RUN", *flags, json_array(("/bin/sh", "-c", "\n".join([*prelude, script])))])
