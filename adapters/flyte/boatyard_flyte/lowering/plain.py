"""Lowers layers without files: commands, environment, working directory, and the SDK's own Dockerfile lines."""

from boatyard.errors import BoatyardError, Code
from boatyard.spec import Commands, Env, WorkDir
from boatyard_flyte import sdk
from boatyard_flyte.lowering.secrets import mounts


def commands(layer: sdk.Commands) -> Commands:
    return Commands(cmd=tuple(layer.commands), secret_mounts=mounts(layer.secret_mounts, "with_commands"))


def env(layer: sdk.Env) -> Env:
    return Env(env_variables={str(name): str(value) for name, value in layer.env_vars})


def workdir(layer: sdk.WorkDir) -> WorkDir:
    return WorkDir(workdir=str(layer.workdir))


def check_lines(layer: sdk.DockerLines) -> None:
    """Refuses Dockerfile lines of the SDK, except LABEL.

    LABEL lines of the SDK's base images name their maker, who does not build this image, so they are left out. The SDK
    adds no other lines today, and an unknown one could mean anything.
    """
    for line in layer.lines:
        if not line.lstrip().upper().startswith("LABEL "):
            raise BoatyardError(
                Code.UNSUPPORTED, f"the flyte SDK adds a Dockerfile line that Boatyard does not know: {line!r}"
            )
