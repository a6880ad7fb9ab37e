"""Finds the images that end with each of the steps that BuildKit made in one solve.

BuildKit pushes only the last one. Each of the others has some of its layers, and a configuration that is computed here.
Whether that is exact can be seen at the end: the computed configuration of the last step must be BuildKit's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from boatyard.dockerfile.frame import OPENING_ENVIRONMENT
from boatyard.spec import Env, WorkDir
from boatyard_layers import config as configs
from boatyard_layers.errors import NotExact
from boatyard_layers.made import Made
from boatyard_layers.plan import MakerStep

_WITH_LAYER: Final = ("RUN ", "COPY ", "ADD ")
_ROOT: Final = "root"


def cut(
    steps: Sequence[MakerStep],
    dockerfile: Sequence[str],
    before: Mapping[str, object],
    made: Sequence[Made],
    arguments: Mapping[str, str],
) -> list[Made] | None:
    """What ends with each of `steps`. None if that is unknown, but for the last one.

    `before` is the configuration before them. `made` has what there was before, and then what ends with each layer that
    BuildKit added, the last one with BuildKit's own configuration. `dockerfile` has the lines of the job.
    """
    config = before
    number = 0
    found = []
    for step in steps:
        lines = [line for line in dockerfile[step.first_line - 1 : step.last_line] if line.strip()]
        layers = sum(line.startswith((*_WITH_LAYER, "WORKDIR ")) for line in lines)
        match step.layer:
            case Env(env_variables=variables):
                config = configs.apply_env(config, variables, arguments)
            case WorkDir(workdir=path) if number < len(made):
                try:
                    config, _ = configs.apply_workdir(config, path, made[number].inventory, arguments)
                except NotExact:
                    return None
            case None if step.number == 0:
                config = configs.apply_user(config, _ROOT)
                for variables in OPENING_ENVIRONMENT:
                    config = configs.set_env(config, variables, arguments)
            case _ if any(not line.startswith(_WITH_LAYER) for line in lines):
                return None
        number += layers
        if number >= len(made):
            return None  # BuildKit left out a layer without contents
        found.append(made[number].with_config(config))
    actual = made[-1].config
    if number != len(made) - 1 or _inner(config) != _inner(actual):
        return None
    # Times and the like, which a solve gives to the whole image, are those of the last step.
    return [*(each.with_config({**actual, "config": each.config.get("config", {})}) for each in found[:-1]), made[-1]]


def _inner(config: Mapping[str, object]) -> dict[str, Any]:
    inner = config.get("config")
    return {name: value for name, value in inner.items() if value} if isinstance(inner, dict) else {}
