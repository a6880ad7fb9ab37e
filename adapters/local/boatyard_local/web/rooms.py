"""Rooms: each kind of request has its own threads and queue, so that no kind starves another.

A lookup at a silent registry may take its whole timeout, and answers from files must not wait for it. A full room
refuses immediately with 503 and Retry-After, instead of letting the caller hang.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

from boatyard.errors import BoatyardError, Code
from boatyard_local.web.timeouts import timeout

T = TypeVar("T")


class Room:
    """Runs at most `threads` calls at a time, in threads created on demand; at most `line` calls wait, each at most
    `seconds`.

    The threads are daemons, unlike those of concurrent.futures: a call that hangs in a remote registry must not keep a
    stopped server from ending.
    """

    def __init__(self, name: str, *, threads: int, line: int, seconds: float) -> None:
        """`name` is a plural for refusals, such as "look-ups"."""
        self.name = name
        self._free = asyncio.Semaphore(threads)
        self._line = Places(name, line)
        self._seconds = seconds
        self._idle = 0
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """Returns the call's result. Raises OVERLOADED.

        If it is cancelled while it waits, the call is never made and its place is free. A started call continues to its
        end, and only then frees its thread.
        """
        with self._line.one():
            try:
                async with timeout(self._seconds):
                    await self._free.acquire()
            except asyncio.TimeoutError:
                raise overloaded(f"{self.name} have waited {self._seconds:.0f} s for their turn") from None
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def ended(tell: Callable[[], None]) -> None:
            self._free.release()
            tell()

        def work() -> None:
            try:
                result = call()
                tell = partial(_succeed, future, result)
            except BaseException as error:
                tell = partial(_fail, future, error)
            with self._lock:
                # Before announcing the end: a call that starts because of it then finds this thread idle, and creates
                # no further one.
                self._idle += 1
            with suppress(RuntimeError):  # the loop has ended, because the server was stopped meanwhile
                loop.call_soon_threadsafe(ended, tell)

        try:
            self._add(work)
        except RuntimeError as error:  # the system can start no further thread
            self._free.release()
            raise overloaded(f"{self.name}: {error}") from None
        return await future

    def _add(self, work: Callable[[], None]) -> None:
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
            else:
                threading.Thread(target=self._serve, daemon=True, name=self.name).start()
        self._calls.put(work)

    def _serve(self) -> None:
        while True:
            self._calls.get()()


class Places:
    """A number of places, each occupied while its request lasts. Only for the event loop's thread."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self.taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Occupies a place. Raises OVERLOADED if none is free."""
        with self.some(1):
            yield

    @contextmanager
    def some(self, number: int) -> Iterator[None]:
        self.take(number)
        try:
            yield
        finally:
            self.give(number)

    def take(self, number: int) -> None:
        if self.taken + number > self._most:
            raise overloaded(f"{self._most:,} {self._name} are under way already")
        self.taken += number

    def give(self, number: int) -> None:
        self.taken -= number


def overloaded(detail: str) -> BoatyardError:
    return BoatyardError(Code.OVERLOADED, detail)


def _succeed(future: "asyncio.Future[T]", result: T) -> None:
    if not future.cancelled():
        future.set_result(result)


def _fail(future: "asyncio.Future[T]", error: BaseException) -> None:
    if not future.cancelled():
        future.set_exception(error)
