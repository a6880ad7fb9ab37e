"""Builds as processes of this machine, and their state as files.

`LocalJobRunner` is the whole interface. A job outlives the server that started it: it leads its own
session, it holds a lock on a file from its start to its end, and whatever it has to tell it writes down.
"""

from boatyard_local.jobs.process import Argv
from boatyard_local.jobs.runner import LocalJobRunner
from boatyard_local.jobs.scheduler import JobPatience

__all__ = ["Argv", "JobPatience", "LocalJobRunner"]
