"""Writes a result as a Kubernetes termination message, so that a function need not read the log.

The kubelet keeps 4096 bytes of it (kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure),
so the least important parts are left out until it fits.
"""

from pathlib import Path
from typing import Final

import msgspec

from boatyard.build import Failure
from boatyard.job import JobResult

MOST_BYTES: Final = 4096
_LINE: Final = 300
_TEXT: Final = 600


def write_termination(path: Path, result: JobResult) -> None:
    """Writes the message. Never raises: the result is also in the job's log and exit code."""
    try:
        path.write_bytes(brief(result))
    except OSError:
        return


def brief(result: JobResult, most: int = MOST_BYTES) -> bytes:
    """The result in at most `most` bytes: drops the log's last lines, the oldest first, then layer digests, then cuts
    long texts. Keeps state, digest, code and the failing layer."""
    error = result.error
    if error is not None:
        tail = tuple(line if len(line) <= _LINE else line[: _LINE - 1] + "…" for line in error.log_tail)
        error = msgspec.structs.replace(error, log_tail=tail)
    result = msgspec.structs.replace(result, error=error)
    if len(data := msgspec.json.encode(result)) <= most:
        return data
    result = msgspec.structs.replace(result, layer_digests=())
    tail = error.log_tail if error else ()
    for start in range(len(tail) + 1):
        shorter = msgspec.structs.replace(error, log_tail=tail[start:]) if error else None
        if len(data := msgspec.json.encode(msgspec.structs.replace(result, error=shorter))) <= most:
            return data
    for longest in (_TEXT, _TEXT // 4):
        cut = msgspec.structs.replace(result, error=_cut(error, longest) if error else None)
        if len(data := msgspec.json.encode(cut)) <= most:
            return data
    return msgspec.json.encode(msgspec.structs.replace(cut, phases=()))


def _cut(error: Failure, longest: int) -> Failure:
    """Cuts the failure's texts, measured in bytes of JSON, so that every script is treated alike."""

    def short(text: str) -> str:
        return text.encode()[:longest].decode("utf-8", "ignore") + ("…" if len(text.encode()) > longest else "")

    return msgspec.structs.replace(
        error,
        message=short(error.message),
        advice=short(error.advice),
        sdk_call=short(error.sdk_call) if error.sdk_call else error.sdk_call,
        log_tail=(),
    )
