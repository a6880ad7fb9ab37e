"""Changes the configuration of an image as BuildKit does for what `boatyard.dockerfile.render` writes."""

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, Final

from boatyard.dockerfile.environment import ordered
from boatyard.dockerfile.parse.words import Lexer, WordError
from boatyard.dockerfile.quoting import expandable
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory, parent
from boatyard_layers.model import PathEntry
from boatyard_layers.pack import LayerItem

Config = dict[str, Any]
"""An OCI image configuration. The functions return a new one."""

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""BuildKit's, for an image that sets none."""


def env_of(config: Mapping[str, object]) -> dict[str, str]:
    """The variables, in their order."""
    found: dict[str, str] = {}
    for line in _list(_inner(config).get("Env")):
        name, _, value = line.partition("=")
        found[name] = value
    return found


def workdir_of(config: Mapping[str, object]) -> str:
    found = _inner(config).get("WorkingDir")
    return found if isinstance(found, str) and found else "/"


def apply_env(config: Mapping[str, object], variables: Mapping[str, str], arguments: Mapping[str, str]) -> Config:
    """One ENV for each variable of a layer. `arguments` are the build arguments that a value may refer to."""
    for name, value in ordered(variables).items():
        config = set_env(config, {name: value}, arguments)
    return dict(config)


def set_env(config: Mapping[str, object], variables: Mapping[str, str], arguments: Mapping[str, str]) -> Config:
    """One ENV with several variables, whose values refer to what was set before it."""
    env = env_of(config)
    if "PATH" not in env:
        env["PATH"] = DEFAULT_PATH
    known = {**arguments, **env}
    env |= {name: expanded(value, known) for name, value in variables.items()}
    return _with(config, Env=[f"{name}={value}" for name, value in env.items()])


def apply_workdir(
    config: Mapping[str, object], path: str, inventory: Inventory, arguments: Mapping[str, str]
) -> tuple[Config, list[LayerItem]]:
    """The folder is made, with its parents, if the image does not have it."""
    wanted = posixpath.normpath(posixpath.join(workdir_of(config), expanded(path, {**arguments, **env_of(config)})))
    wanted = "/" + wanted.lstrip("/")
    place = inventory.resolve(wanted)
    there = inventory.get(place)
    if there is not None and there.kind != "directory":
        raise NotExact(f"{wanted} is a file in the image")
    missing: list[str] = []
    while inventory.get(place) is None and place != "/":
        missing.append(place)
        place = parent(place)
    if missing and _inner(config).get("User") not in (None, "", "root", "0"):
        raise NotExact(f"{wanted} would belong to a user of the image")
    items = [LayerItem(PathEntry(path=folder, kind="directory", mode=0o755)) for folder in reversed(missing)]
    return _with(config, WorkingDir=wanted), items


def apply_user(config: Mapping[str, object], user: str) -> Config:
    return _with(config, User=user)


def apply_shell(config: Mapping[str, object], shell: Sequence[str]) -> Config:
    return _with(config, Shell=list(shell))


def expanded(value: str, variables: Mapping[str, str]) -> str:
    """A value as the spec has it, after BuildKit's expansion."""
    try:
        return Lexer(variables).word(expandable(value))
    except WordError as error:
        raise NotExact(f"a value cannot be expanded: {error}") from None


def _inner(config: Mapping[str, object]) -> dict[str, Any]:
    found = config.get("config")
    return found if isinstance(found, dict) else {}


def _with(config: Mapping[str, object], **fields: object) -> Config:
    return {**config, "config": {**_inner(config), **fields}}


def _list(value: object) -> list[str]:
    return [line for line in value if isinstance(line, str)] if isinstance(value, list) else []
