"""Long polls: a waiting request uses no thread, and all requests that wait for the same build share one poll.

The event loop polls at growing intervals, as `Service` does in a process for one request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from boatyard.api import Request, Response
from boatyard.backoff import growing
from boatyard.errors import BoatyardError
from boatyard_local.web.rooms import Places

Look = Callable[[Request], Awaitable[Response]]

_FIRST_SECONDS: Final = 0.02
_LONGEST_SECONDS: Final = 0.25
_SLOWER: Final = 1.04
"""So a pause is a twenty-fifth of the time that a request has waited: after half a second, 20 ms."""


class Waits:
    """Holds at most `most` waiting requests; further ones raise OVERLOADED."""

    def __init__(self, look: Look, *, most: int) -> None:
        self._look = look
        self._places = Places("requests that wait", most)
        self._watches: dict[object, _Watch] = {}
        self._stopped = asyncio.Event()

    async def answer(self, request: Request, seconds: float) -> Response:
        """The final answer, or the current one after `seconds`. `request` itself does not wait."""
        response = await self._look(request)
        if response.settled or seconds <= 0 or self._stopped.is_set():
            return response
        with self._places.one():
            watch = self._join(request)
            try:
                await asyncio.wait((watch.task, self._stopping()), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                return watch.latest or response
            finally:
                self._leave(watch)

    def stop(self) -> None:
        """Answers all waiting requests with the current state, so that the server ends immediately and without
        errors."""
        self._stopped.set()

    def _stopping(self) -> "asyncio.Task[bool]":
        if not hasattr(self, "_stop_task"):
            self._stop_task = asyncio.create_task(self._stopped.wait())
        return self._stop_task

    def _join(self, request: Request) -> "_Watch":
        key = (request.path, tuple(sorted(request.query.items())), request.caller)
        if (watch := self._watches.get(key)) is None:
            watch = self._watches[key] = _Watch(key)
            watch.task = asyncio.create_task(self._follow(watch, request))
        watch.followers += 1
        return watch

    def _leave(self, watch: "_Watch") -> None:
        watch.followers -= 1
        if not watch.followers:
            watch.task.cancel()
            self._forget(watch)

    def _forget(self, watch: "_Watch") -> None:
        if self._watches.get(watch.key) is watch:
            del self._watches[watch.key]

    async def _follow(self, watch: "_Watch", request: Request) -> None:
        pauses = growing(_FIRST_SECONDS, _LONGEST_SECONDS, factor=_SLOWER)
        try:
            while watch.latest is None or not watch.latest.settled:
                await asyncio.sleep(next(pauses))
                try:
                    watch.latest = await self._look(request)
                except BoatyardError:
                    continue  # the room was full; the next poll may succeed
        finally:
            self._forget(watch)


class _Watch:
    task: "asyncio.Task[None]"

    def __init__(self, key: object) -> None:
        self.key = key
        self.followers = 0
        self.latest: Response | None = None


def without_wait(request: Request) -> Request:
    query = {name: value for name, value in request.query.items() if name != "wait"}
    return msgspec.structs.replace(request, query=query)
