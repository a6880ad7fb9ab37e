"""A run's log out of the blob that ACR Tasks appends to while it runs.

The API gives a URL with a signature (SAS) for it. It opens the log to anyone who has it, so no error and no log has it.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard_azure.stored_task import RegistryItem
from boatyard_registry.kept import Kept
from boatyard_registry.transport import Answer, Transport
from boatyard_serverless.builds.growing_log import BeyondTheEnd, growing_page
from boatyard_serverless.faults import Fault
from boatyard_serverless.ports import RawLog
from boatyard_serverless.rest import Refused, RestCall, RestClient, takes_token

_URL_SECONDS: Final = 300.0
"""A followed log is read every two seconds; Resource Manager counts a question for a URL as a write, and allows few."""
_MOST_URLS: Final = 256
_DENIED: Final = 403
_NOT_THERE: Final = 404
_BEYOND_THE_END: Final = 416


class _Range(RestCall, frozen=True, kw_only=True):
    signed: str
    """The whole URL."""


class _Blobs(RestClient[_Range]):
    accept = "*/*"

    def url(self, call: _Range) -> str:
        return call.signed

    def token(self, call: _Range, refused: str) -> str:
        return ""

    def refused(self, call: _Range, answer: Answer) -> Refused:
        return Refused(Fault.OTHER, _unreadable(f"it answered {answer.status}"))

    def unreachable(self, call: _Range, reason: str) -> BoatyardError:
        return _unreadable(reason)


class SasLog:
    def __init__(self, transport: Transport, ask: Callable[[RegistryItem], str]) -> None:
        """`ask` returns a new URL, or "" while there is none, and raises BoatyardError."""
        self._blobs = _Blobs(transport, attempts=2)
        self._ask = ask
        self._urls: Kept[RegistryItem, str] = Kept(_MOST_URLS)

    def page(self, run: RegistryItem, cursor: str) -> RawLog | None:
        """Raises INVALID_SPEC for a cursor that was not given out here."""
        return growing_page(partial(self._read, run), cursor)

    def _read(self, run: RegistryItem, first: int, last: int) -> bytes | None:
        kept = self._urls.get(run)
        found = self._once(kept, first, last) if kept else None
        if found is None or found.status == _DENIED:  # its signature has ended
            fresh = self._ask(run)
            if not fresh:
                return None
            if not takes_token(fresh):
                raise _unreadable("its address is no https URL")
            self._urls.put(run, fresh, seconds=_URL_SECONDS)
            found = self._once(fresh, first, last)
        if found.status == _BEYOND_THE_END:
            raise BeyondTheEnd
        if found.status == _DENIED:
            raise _unreadable("it refuses its own signature (403)")
        return None if found.status == _NOT_THERE else found.body

    def _once(self, url: str, first: int, last: int) -> Answer:
        call = _Range(
            method="GET",
            signed=url,
            headers={"range": f"bytes={first}-{last}"},
            answers=frozenset({_DENIED, _NOT_THERE, _BEYOND_THE_END}),
        )
        reply = self._blobs.send(call)
        # A storage that does not know ranges sends everything.
        body = reply.body[first : last + 1] if reply.status == 200 else reply.body
        return Answer(reply.status, reply.headers, body, "")


def _unreadable(reason: str) -> BoatyardError:
    return BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"the build's log cannot be read in ACR Tasks' storage: {reason}")
