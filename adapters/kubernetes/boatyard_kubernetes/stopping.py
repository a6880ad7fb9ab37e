"""Stops a Job with one patch that keeps it readable.

Deleting it would make the build unknown, and a suspended Job is never finished, so its TTL would never run.
With parallelism 0, the Job controller deletes the pod immediately, or never creates one; a deadline in the past makes
the Job Failed, and the TTL removes it later. All these fields may be changed on a running Job
(ValidateJobUpdate keeps selector, template and policies fixed, not these).
"""

from typing import Any, Final

import msgspec
from lightkube.resources.batch_v1 import Job

from boatyard import lifecycle
from boatyard.build import State
from boatyard.decoding import Undecodable, decode_json, decoder
from boatyard.errors import Code
from boatyard.lifecycle import Ending
from boatyard_kubernetes.names import STOPPED


class Stopped(msgspec.Struct, frozen=True):
    code: Code
    """CANCELLED, or why no node took the Job (a key of errors.CODES)."""
    message: str
    at: float
    """Seconds since 1970."""

    @property
    def cancelled(self) -> bool:
        return self.code == Code.CANCELLED

    @property
    def ending(self) -> Ending:
        if self.cancelled:
            return msgspec.structs.replace(lifecycle.CANCEL, at=self.at)
        return Ending(state=State.ERRORED, code=self.code, message=self.message, at=self.at)


_STOPPED: Final = decoder(Stopped)


def stop_patch(stopped: Stopped) -> dict[str, Any]:
    return {
        "metadata": {"annotations": {STOPPED: msgspec.json.encode(stopped).decode()}},
        "spec": {"suspend": False, "parallelism": 0, "activeDeadlineSeconds": 1},
    }


def stopped_of(job: Job) -> Stopped | None:
    text = ((job.metadata and job.metadata.annotations) or {}).get(STOPPED)
    if not text:
        return None
    try:
        return decode_json(text, _STOPPED)
    except Undecodable:
        return Stopped(code=Code.CANCELLED, message="the build was cancelled", at=0)
