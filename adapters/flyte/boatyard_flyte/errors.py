"""Formats errors for users of the SDK: what failed, where, why, and what to do."""

from collections.abc import Iterable, Iterator

from boatyard.build import Failure
from boatyard.errors import BoatyardError, Code
from boatyard_client.display.text import printable
from boatyard_client.errors import ApiError, BuildFailedError, ClientError


def explained(error: BaseException) -> str | None:
    """The text of an ImageBuildError; None for an unforeseen error, whose traceback is more useful."""
    match error:
        case BuildFailedError():
            return _text(_failure(error.failure, error.build.id))
        case ApiError():
            advice = error.advice if error.code != Code.INVALID_SPEC else ""
            return _text([f"{error.code}: {error.detail}", *_tail(error.log_tail), advice])
        case ClientError():
            return _text([f"{error.code}: {error.detail}", error.advice])
        case BoatyardError():
            advice = error.meaning.advice if error.code != Code.INVALID_SPEC else ""
            return _text([f"{error.code}: {error.detail}", advice])
    return None


def _failure(failure: Failure, build: str) -> Iterator[str]:
    yield f"{failure.code}: {failure.message}"
    if failure.sdk_call:
        where = f"layer {failure.layer_index}: " if failure.layer_index is not None else ""
        yield f"  {where}{failure.sdk_call}"
    yield from _tail(failure.log_tail)
    yield failure.advice
    yield f"The whole log: boatyard logs {build}"


def _tail(lines: Iterable[str]) -> Iterator[str]:
    shown = [f"  | {line}" for line in lines]
    if shown:
        yield "  the last lines:"
        yield from shown


def _text(lines: Iterable[str]) -> str:
    return "\n".join(printable(line) for line in lines if line)
