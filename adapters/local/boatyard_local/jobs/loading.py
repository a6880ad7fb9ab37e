"""Loads the builds of an earlier server, including damaged ones."""

import logging
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from boatyard.build import BUILD_ID, BuildId, State
from boatyard.job import BuildJob
from boatyard.lifecycle import queued
from boatyard_local import durable
from boatyard_local.jobs import stragglers
from boatyard_local.jobs.process import read_pid
from boatyard_local.jobs.record import FolderRecord, is_sound, read_job
from boatyard_local.removals import Removals
from boatyard_local.state import BuildFolder, StateFolder
from boatyard_local.state_file import read

_log = logging.getLogger(__name__)
_BEING_MADE: Final = re.compile(rf"\.{BUILD_ID}\.[0-9a-f]{{8}}\Z")
"""The temporary name from `durable.hidden`."""


class Loading:
    """Repairs builds without a valid record from their job: such a build counts as started, so its lock and its result
    decide, and at worst it is ERRORED and can be built again. Without a valid job, the build is lost: its processes are
    ended, its folder is removed, and its number is free. Other files are left alone."""

    def __init__(self, state: StateFolder, removals: Removals) -> None:
        self._state = state
        self._removals = removals

    def records(self, now: float) -> list[FolderRecord]:
        """The records by number. Raises DISK_FULL or DATAPLANE_UNAVAILABLE if the folder itself is unusable."""
        durable.make_folder(self._state.builds)
        sound: list[FolderRecord] = []
        damaged: list[tuple[float, BuildJob]] = []
        for path in self._paths():
            folder = BuildFolder(path)
            try:
                record = self._record(folder)
                job = None if record else read_job(folder)
                if record:
                    sound.append(record)
                elif job:
                    self._removals.discard(folder.record)  # a folder in the record's place could not be overwritten
                    damaged.append((min(_made(folder), now), job))
                else:
                    self._lose(folder)
            except Exception:
                _log.exception("build %s cannot be read and is left alone", path.name)
        sound.sort(key=lambda record: record.number)
        number = sound[-1].number if sound else 0
        for made, job in sorted(damaged, key=lambda pair: (pair[0], pair[1].attempt)):
            number += 1
            _log.warning("the record of build %s is damaged; it is made again from its job", job.id)
            build = msgspec.structs.replace(queued(job, now=made), state=State.RUNNING)
            sound.append(FolderRecord.of(number, build, job))
        return sound

    def _paths(self) -> Iterator[Path]:
        """The builds' folders. Removes unfinished folders, and files in the place of a folder."""
        for path in list(self._state.builds.iterdir()):
            if path == self._state.removing:
                continue
            if _BEING_MADE.match(path.name):
                self._removals.discard(path)
            elif BuildId.parse(path.name) is None:
                # If `builds` is a link, it may lead to a folder with any contents.
                _log.warning("builds/%s is no build; it is left alone", path.name)
            elif not stat.S_ISDIR((found := path.lstat()).st_mode):
                _log.warning("builds/%s is no folder; it is removed", path.name)
                self._removals.discard(path)
            elif found.st_uid != os.geteuid() or found.st_mode & 0o077:
                # A job names files that its steps may read, so a job from a checkout is not run.
                _log.warning("builds/%s was made by no server of this user; it is left alone", path.name)
            else:
                yield path

    def _record(self, folder: BuildFolder) -> FolderRecord | None:
        record = read(folder.record, FolderRecord)
        return record if record is not None and is_sound(record, folder.path.name) else None

    def _lose(self, folder: BuildFolder) -> None:
        _log.warning("build %s cannot be read any more; it is removed", folder.path.name)
        stragglers.end(folder, read_pid(folder))  # else it could push its image beside the next attempt
        self._removals.discard(folder.path)


def _made(folder: BuildFolder) -> float:
    return folder.job.lstat().st_mtime
