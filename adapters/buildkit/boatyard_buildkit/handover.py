"""Hands a job over to a process that was started before (`standby`)."""

import os
import socket
from typing import Final

import msgspec

_MOST: Final = 65_536
"""Bytes of a message."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """What a process that is started for a job has from its start."""

    arguments: list[str]
    """Of `boatyard_buildkit.cli`."""
    folder: str
    """The working folder."""
    pid_file: str
    """The process writes its pid into it before it runs the job."""
    environment: dict[str, str]
    """Added to what the process has."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    assignment: Assignment
    lock: int
    """A descriptor, held while the job runs, and not inherited by its children."""
    output: int
    """The descriptor of its standard output and error."""


def send(assignment: Assignment, to: socket.socket, *, lock: int, output: int) -> None:
    """Raises OSError if the process has ended."""
    socket.send_fds(to, [msgspec.json.encode(assignment)], [lock, output])


def receive(given: socket.socket) -> Received | None:
    """Waits for a job. None if there will be none."""
    message, descriptors, _, _ = socket.recv_fds(given, _MOST, 2)
    if not message:
        return None
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    lock, output = descriptors
    return Received(assignment=msgspec.json.decode(message, type=Assignment), lock=lock, output=output)
