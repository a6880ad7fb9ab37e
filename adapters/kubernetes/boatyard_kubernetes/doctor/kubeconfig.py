"""Chooses the cluster and the user as kubectl would, or fails with one line that says why."""

import os
from pathlib import Path
from typing import Final

import msgspec
import yaml
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, SERVICE_ACCOUNT, KubeConfig, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from boatyard.cluster_doctor import NotExamined

_NO_KUBECONFIG: Final = (
    ConfigError,
    yaml.YAMLError,
    msgspec.MsgspecError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
)
"""Errors of the parsers for invalid files."""
_NAME_IT: Final = "Name one with --kubeconfig FILE and --context NAME, as kubectl takes them."


def find_config(kubeconfig: str = "", context: str = "") -> SingleConfig:
    """`kubeconfig`, else KUBECONFIG, else ~/.kube/config, else the pod's own service account. Raises NotExamined."""
    files = _files(kubeconfig)
    if not files:
        if context or "KUBERNETES_SERVICE_HOST" not in os.environ or not Path(SERVICE_ACCOUNT).is_dir():
            raise NotExamined("there is no kubeconfig, and this is not a pod of a cluster", _NAME_IT)
        return _chosen(_read(None), "")
    configs = [_read(path) for path in files]
    # kubectl merges several files; a context with its cluster and user is in one of them.
    name = context or next((config.current_context for config in configs if config.current_context), "")
    if not name:
        raise NotExamined(f"{files[0]} has no current context", f"It has: {_contexts(configs)}. Choose with --context.")
    config = next((config for config in configs if name in config.contexts), None)
    if config is None:
        where = ", ".join(map(str, files))
        raise NotExamined(f"{where}: there is no context {name}", f"It has: {_contexts(configs)}.")
    return _chosen(config, name)


def _files(kubeconfig: str) -> list[Path]:
    if kubeconfig:
        path = Path(kubeconfig).expanduser()
        if not path.is_file():
            raise NotExamined(f"there is no kubeconfig {kubeconfig}", _NAME_IT)
        return [path]
    if named := os.environ.get("KUBECONFIG", ""):
        paths = [Path(part).expanduser() for part in named.split(os.pathsep) if part]
        if not (there := [path for path in paths if path.is_file()]):
            raise NotExamined(f"KUBECONFIG names {named}, which is not there", _NAME_IT)
        return there
    default = Path(DEFAULT_KUBECONFIG).expanduser()
    return [default] if default.is_file() else []


def _read(path: Path | None) -> KubeConfig:
    try:
        return KubeConfig.from_service_account() if path is None else KubeConfig.from_file(path)
    except OSError as error:
        raise NotExamined(f"{path or 'the service account'} cannot be read: {error.strerror}", _NAME_IT) from None
    except _NO_KUBECONFIG:
        # The parsers' messages quote lines of the file, which may contain a credential.
        raise NotExamined(f"{path or 'the service account'} is not a kubeconfig", _NAME_IT) from None


def _chosen(config: KubeConfig, name: str) -> SingleConfig:
    try:
        found = config.get(name or None)
    except KeyError as error:
        detail = f"{config.fname}: the context {name} names {error}, which is not there"
        raise NotExamined(detail, "Correct the kubeconfig.") from None
    assert found is not None  # noqa: S101 - only a default could make it so
    return found if found.user is not None else found._replace(user=User())


def _contexts(configs: list[KubeConfig]) -> str:
    return ", ".join(sorted({name for config in configs for name in config.contexts})) or "none"
