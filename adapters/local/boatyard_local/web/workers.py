"""Threads for the core's calls, which are plain functions that may wait."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

T = TypeVar("T")


class Workers:
    """At most `most` threads, made when needed. Calls beyond that wait in line.

    They are daemons, unlike those of concurrent.futures: a call that hangs in a far registry must not
    keep a stopped server from ending.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads = 0
        self._idle = 0
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """The call's result. If nobody waits for it any more, the call still goes on to its end."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = call()
                tell = partial(_succeed, future, result)
            except BaseException as error:
                tell = partial(_fail, future, error)
            with suppress(RuntimeError):  # the loop has ended: the server was stopped meanwhile
                loop.call_soon_threadsafe(tell)

        self._add(work)
        return await future

    def _add(self, work: Callable[[], None]) -> None:
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
            elif self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._serve, daemon=True).start()
        self._calls.put(work)

    def _serve(self) -> None:
        while True:
            self._calls.get()()
            with self._lock:
                self._idle += 1


def _succeed(future: "asyncio.Future[T]", result: T) -> None:
    if not future.cancelled():
        future.set_result(result)


def _fail(future: "asyncio.Future[T]", error: BaseException) -> None:
    if not future.cancelled():
        future.set_exception(error)
