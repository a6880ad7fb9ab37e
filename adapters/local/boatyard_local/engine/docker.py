"""Finds a working Docker engine with buildx. A docker command without a daemon does not count."""

import shutil
from typing import NamedTuple

from boatyard_local.engine.command import ask


class Docker(NamedTuple):
    """The machine's own Docker, with the command's host, context and plugins."""

    command: str
    version: str


def find() -> Docker | str:
    """The machine's Docker, or the reason why it is unusable, as the end of a sentence."""
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
