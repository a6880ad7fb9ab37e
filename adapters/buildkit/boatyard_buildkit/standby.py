"""A job's process that is started before there is a job, with everything imported that most jobs need.

`python -m boatyard_buildkit.standby FD`: FD is a Unix socket by which the job comes (`handover`). If it is closed
instead, the process ends.
"""

import importlib
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from boatyard_buildkit import cli
from boatyard_buildkit.collecting import collect_rarely
from boatyard_buildkit.handover import Received, receive

AHEAD: Final = (
    "boatyard_buildkit.build",
    "boatyard_buildkit.fetch",
    "boatyard_buildkit.layer_by_layer",
    "boatyard_layers.image",
    "boatyard_layers.unpacked_interpreter",
    "boatyard_layers.wheels",
    "boatyard_registry.exchange",
    "encodings.idna",
)


def main(arguments: Sequence[str]) -> int:
    collect_rarely()
    for name in AHEAD:
        importlib.import_module(name)
    with socket.socket(fileno=int(arguments[0])) as given:
        received = receive(given)
    return cli.main(_became(received)) if received else 0


def _became(received: Received) -> list[str]:
    """Makes this process what one that is started for the job would be."""
    assignment = received.assignment
    for standard in (1, 2):
        os.dup2(received.output, standard)  # first, so that an error is not lost
    os.close(received.output)
    Path(assignment.pid_file).write_text(f"{os.getpid()}\n", encoding="ascii")
    os.chdir(assignment.folder)
    os.environ.update(assignment.environment)
    return assignment.arguments


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
