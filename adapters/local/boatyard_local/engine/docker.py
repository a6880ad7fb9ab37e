"""Is there a Docker engine with buildx that works? A docker command without a daemon is none."""

import shutil
from typing import NamedTuple

from boatyard_local.engine.command import ask


class Docker(NamedTuple):
    """The machine's own Docker: the command's own host, context and plugins are used as they are."""

    command: str
    version: str


def find() -> Docker | str:
    """The machine's Docker, or why it cannot be used; the answer is half a sentence."""
    command = shutil.which("docker")
    if command is None:
        return "there is no docker command"
    server = ask([command, "version", "--format", "{{.Server.Version}}"], timeout=10)
    if server is None or server.returncode != 0 or not server.stdout.strip():
        return f"{command} has no daemon that answers"
    buildx = ask([command, "buildx", "version"], timeout=10)
    if buildx is None or buildx.returncode != 0:
        return f"{command} has no buildx plugin"
    return Docker(command, server.stdout.strip())
