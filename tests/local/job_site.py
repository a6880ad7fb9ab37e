"""A runner with the real job's process."""

import hashlib
from pathlib import Path

import msgspec

from boatyard.build import Build
from boatyard.context import Context
from boatyard.job import JobContext
from boatyard.settings import Buildkit, Limits
from boatyard_buildkit.access import BuilderAccess
from boatyard_local.clock import SystemClock
from boatyard_local.contexts import FileContextStore
from boatyard_local.jobs import LocalJobRunner
from boatyard_local.state import StateFolder
from boatyard_local.upload_url import UploadUrls
from boatyard_local.wiring import job_argv
from tests.local.jobs import QUICK, job, tag


class Site:
    """Runs the real job's processes, without a BuildKit."""

    def __init__(self, path: Path) -> None:
        self.state = StateFolder(path)
        self.contexts = FileContextStore(
            self.state.contexts, SystemClock(), UploadUrls("http://127.0.0.1:1", b"k" * 32)
        ).open()
        access = BuilderAccess(buildkit_uri="tcp://127.0.0.1:1", buildkit=Buildkit(buildctl="/no/such/buildctl"))
        self.state.buildkit.write_bytes(msgspec.json.encode(access))
        self.runner = self.open()

    def open(self) -> LocalJobRunner:
        limits = Limits(concurrent_builds=1)
        return LocalJobRunner(
            self.state, SystemClock(), argv=job_argv(self.state), limits=limits, patience=QUICK
        ).open()

    def build(self, number: int, archive: bytes, *, url: str = "") -> Build:
        """The job fetches the archive from `url`, if there is one."""
        sha256 = hashlib.sha256(archive).hexdigest()
        with self.contexts.receive(sha256, len(archive)) as receiving:
            receiving.write(archive)
            receiving.commit()
        context = JobContext(
            context=Context(sha256=sha256, size=len(archive)), url=url or self.contexts.download_url(sha256)
        )
        make = job(number)
        return self.runner.ensure(
            lambda attempt: msgspec.structs.replace(make(attempt), context=context), tag(number), force=False
        ).build
