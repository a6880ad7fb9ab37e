"""Runs builds as local processes, and stores their state in files.

`LocalJobRunner` is the whole interface. A job survives the server that started it: it has its own session, holds a lock
on a file while it runs, and reports through files.
"""

from boatyard_local.jobs.process import Argv
from boatyard_local.jobs.runner import LocalJobRunner
from boatyard_local.jobs.scheduler import JobPatience

__all__ = ["Argv", "JobPatience", "LocalJobRunner"]
