"""Lowers secret mounts, which are names only."""

from collections.abc import Iterable

from boatyard.errors import invalid
from boatyard.spec import Secret
from boatyard_flyte import sdk
from boatyard_flyte.lowering.model import NamedSecret


def named(secret: "str | sdk.Secret") -> NamedSecret:
    if isinstance(secret, str):
        return NamedSecret(secret)
    return NamedSecret(secret.key, secret.group or "")


def mounts(secrets: "Iterable[str | sdk.Secret] | None", call: str) -> tuple[Secret, ...]:
    """A layer's secrets. One with `mount` is a file at that path, any other an environment variable."""
    out: list[Secret] = []
    for given in secrets or ():
        secret = _secret(given, call)
        if secret.mount:
            made = Secret(
                key=secret.key, group=secret.group or "", mount_requirement="FILE", mount_path=str(secret.mount)
            )
            if any(made.mount_path == other.mount_path and made != other for other in out):
                raise invalid(f"{call}: two secrets are mounted at {made.mount_path}; give one of them as_env_var")
        else:
            made = Secret(
                key=secret.key,
                group=secret.group or "",
                mount_requirement="ENV_VAR",
                env_var=secret.as_env_var or "",
            )
        if made not in out:
            out.append(made)
    return tuple(out)


def _secret(given: "str | sdk.Secret", call: str) -> sdk.Secret:
    if not isinstance(given, str):
        return given
    try:
        return sdk.Secret(key=given)
    except ValueError:
        # The SDK derives a variable's name from it, and its error has only that name.
        name = given.rstrip("/").rpartition("/")[2] or "NAME"
        raise invalid(
            f"{call}: secret_mounts=[{given!r}]: a secret is a name whose value `boatyard secret create` sets; write "
            f"secret_mounts=[{name!r}], or flyte.Secret(key={name!r}, as_env_var='NAME') for a variable of another name"
        ) from None
