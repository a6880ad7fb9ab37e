"""Runs the job program of a build in the bucket: writes its input and follows its reports.

The container of a build service and a function that carries builds out itself do it alike.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from boatyard.job import BuildJob
from boatyard.ports import ContextStore, Scope
from boatyard_buildkit import outbox
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.credential_helper import with_helper
from boatyard_serverless.ports import Bucket
from boatyard_serverless.secrets import SecretService, read_secret

_LOOK_SECONDS: Final = 0.5
_REPORT_SECONDS: Final = 3.0


class JobHost(msgspec.Struct, frozen=True, kw_only=True):
    """What a cloud provides to the process that runs a job."""

    ledger: BucketLedger
    contexts: ContextStore
    read_secret: Callable[[Scope, str], bytes]
    """Raises SECRET_NOT_FOUND, DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE. The identity of a function that starts builds
    elsewhere cannot do this."""
    programs: Callable[[Path], Mapping[str, str]]
    """Writes the programs that the job needs in PATH to a folder, and returns the job's environment."""
    own_container: bool
    """Whether a running Docker engine belongs to this container alone, so that it may be replaced."""
    closed: tuple[str, ...] = ()
    """Addresses that build steps may not connect to (`boatyard_buildkit.engine`)."""


def job_host(
    bucket: Bucket,
    contexts: ContextStore,
    secrets: SecretService,
    *,
    prefix: str,
    helper: tuple[str, str],
    own_container: bool,
    closed: tuple[str, ...] = (),
) -> JobHost:
    """`prefix` is that of the secrets' names, `helper` the credential helper's program and module."""
    return JobHost(
        ledger=BucketLedger(bucket),
        contexts=contexts,
        read_secret=partial(read_secret, secrets, prefix),
        programs=partial(with_helper, *helper),
        own_container=own_container,
        closed=closed,
    )


class JobProgram:
    """One run of the job program, with its files in `place`."""

    def __init__(self, place: Path, host: JobHost) -> None:
        self.out = place / "out"
        self._place = place
        self._host = host
        self._secrets = place / "secrets"

    def prepare(self, job: BuildJob) -> BuildJob:
        """Writes the job's secrets to files that only this user can read. Returns the job with new URLs.

        Raises what `read_secret` raises.
        """
        self.out.mkdir()
        self._secrets.mkdir(mode=0o700)
        names = (*(secret.name for secret in job.secrets), *job.registry_secrets)
        for name in dict.fromkeys(names):
            value = self._host.read_secret(Scope(job.project, job.domain), name)
            path = self._secrets / name
            path.touch(mode=0o600)
            path.write_bytes(value)
        return _with_fresh_url(job, self._host.contexts)

    def start(
        self, job: BuildJob, access: Mapping[str, Any], *, keeps: Sequence[int] = (), **environment: str
    ) -> "subprocess.Popen[bytes]":
        """`access` is `boatyard_buildkit.access.BuilderAccess` as a document. The process ends if this one dies, and
        has the descriptors of `keeps` until then."""
        files = {"job.json": job, "buildkit.json": access}
        for name, document in files.items():
            (self._place / name).write_bytes(msgspec.json.encode(document))
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "boatyard_buildkit"),
                *("--job", str(self._place / "job.json"), "--out", str(self.out)),
                *("--secrets", str(self._secrets), "--buildkit", str(self._place / "buildkit.json")),
                *("--ends-with", str(os.getpid())),
            ],
            pass_fds=keeps,
            env={**self._host.programs(self._place / "bin"), **environment},
        )

    def follow(
        self,
        process: "subprocess.Popen[bytes]",
        *,
        lines: Callable[[Sequence[str]], None],
        progress: Callable[[bytes], None],
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """Reports until the process has ended. `tick` is called between two looks."""
        offset, reported, reported_at = 0, b"", 0.0
        running = True
        while running:
            running = process.poll() is None
            while (part := outbox.read_log(self.out, offset)).lines:
                lines([line.line for line in part.lines])
                offset = part.offset
            document = msgspec.json.encode(outbox.read_progress(self.out))
            if document != reported and time.monotonic() - reported_at >= _REPORT_SECONDS:
                progress(document)
                reported, reported_at = document, time.monotonic()
            tick()
            if running:
                time.sleep(_LOOK_SECONDS)


def print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
    sys.stdout.flush()


def _with_fresh_url(job: BuildJob, contexts: ContextStore) -> BuildJob:
    """Signs new URLs: those of the function may have expired while the job was queued, and this identity can read the
    bucket."""
    if job.context is None:
        return job
    sha256 = job.context.context.sha256
    fresh = msgspec.structs.replace(
        job.context, url=contexts.download_url(sha256), refusal_url=contexts.refusal_url(sha256)
    )
    return msgspec.structs.replace(job, context=fresh)
