"""Compares two layers of one kind, field by field."""

from collections.abc import Iterator

import msgspec

from boatyard.spec import Env, Layer, PipOptions, Secret


def changes(before: Layer, after: Layer) -> Iterator[str]:
    """One phrase per change. Both layers have the same kind. Values of environment variables are left out."""
    if isinstance(before, Env) and isinstance(after, Env):
        yield from _env(before.env_variables, after.env_variables)
        return
    for info in msgspec.structs.fields(before):
        old, new = getattr(before, info.name), getattr(after, info.name)
        if old == new:
            continue
        if isinstance(old, PipOptions):
            for option in msgspec.structs.fields(old):
                yield from _field(option.name, getattr(old, option.name), getattr(new, option.name))
        elif info.name == "secret_mounts":
            yield from _list("secret_mounts", [_secret(s) for s in old], [_secret(s) for s in new])
        else:
            yield from _field(info.name, old, new)


def _field(name: str, old: object, new: object) -> Iterator[str]:
    if isinstance(old, tuple) and isinstance(new, tuple):
        yield from _list(name, [repr(item) for item in old], [repr(item) for item in new])
    elif old != new:
        yield f"{name} {old!r} → {new!r}"


def _list(name: str, old: list[str], new: list[str]) -> Iterator[str]:
    gone = [item for item in dict.fromkeys(old) if item not in new]
    come = [item for item in dict.fromkeys(new) if item not in old]
    if gone:
        yield f"{name}: without {', '.join(gone)}"
    if come:
        yield f"{name}: with {', '.join(come)}"
    if not gone and not come and old != new:
        yield f"{name}: another order" if sorted(old) == sorted(new) else f"{name}: repeated differently"


def _env(old: dict[str, str], new: dict[str, str]) -> Iterator[str]:
    for name in old:
        if name not in new:
            yield f"{name} was removed"
        elif old[name] != new[name]:
            yield f"{name} has another value"
    for name in new:
        if name not in old:
            yield f"{name} is new"
    if [name for name in old if name in new] != [name for name in new if name in old]:
        yield "another order"


def _secret(secret: Secret) -> str:
    how = f" at {secret.mount_path}" if secret.mount_path else f" as ${secret.env_var}" if secret.env_var else ""
    parts = [part for part in (secret.group_version, secret.mount_requirement) if part not in ("", "ANY")]
    return f"{secret.group + '/' if secret.group else ''}{secret.key}{how}{' ' + ' '.join(parts) if parts else ''}"
