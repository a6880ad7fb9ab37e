"""Stands before azurite, which takes any token: refuses those that `Entra` did not give, and fails when a test asks.

A request with a SAS carries its own proof and no token. azurite verifies it.
"""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import urllib3

from tests.azure.entra import Entra
from tests.azure.tls import Asked, Given, TlsServer

RESOURCE = "https://storage.azure.com"
_OWN = frozenset({"connection", "content-length", "host", "transfer-encoding", "date", "server", "keep-alive"})


class _Failure(NamedTuple):
    status: int
    word: str
    times: int
    done: bool


class Guard:
    def __init__(self, target: str, entra: Entra, ca_file: Path) -> None:
        self._parts = urlsplit(target)
        self._entra = entra
        self._pool = urllib3.HTTPSConnectionPool(
            self._parts.hostname or "",
            self._parts.port,
            maxsize=16,
            ssl_context=ssl.create_default_context(cafile=str(ca_file)),
        )
        self._failures: dict[str, _Failure] = {}
        self.calls: list[Asked] = []
        self.wrote: Callable[[str], object] = lambda path: None
        """Called with the path of each successful PUT, before it is answered."""
        self._server = TlsServer(self._answer)
        self.url = f"{self._server.url}{self._parts.path}"

    def fail(self, verb: str, status: int, word: str = "", *, times: int = 10**6, done: bool = False) -> None:
        """`done`: the request is carried out, and its answer lost."""
        self._failures[verb] = _Failure(status, word, times, done)

    def heal(self) -> None:
        self._failures.clear()

    def _answer(self, asked: Asked) -> Given:
        self.calls.append(asked)
        if "sig" not in asked.query and not self._entra.knows(asked.token, RESOURCE):
            return Given(401, b"", {"x-ms-error-code": "InvalidAuthenticationInfo"})
        failure = self._failures.get(asked.verb)
        if failure and failure.times:
            self._failures[asked.verb] = failure._replace(times=failure.times - 1)
            if failure.done:
                self._forward(asked)
            return Given(failure.status, b"", {"x-ms-error-code": failure.word} if failure.word else {})
        return self._forward(asked)

    def _forward(self, asked: Asked) -> Given:
        headers = {name: value for name, value in asked.headers.items() if name not in _OWN}
        answer = self._pool.urlopen(
            asked.verb,
            asked.target,
            body=asked.body,
            headers={**headers, "host": self._parts.netloc},
            retries=False,
            redirect=False,
            decode_content=False,
        )
        if asked.verb == "PUT" and answer.status < 300:
            self.wrote(asked.path)
        passed = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in _OWN}
        return Given(answer.status, answer.data, passed)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()
        self._pool.close()
