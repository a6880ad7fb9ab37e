"""HTTP without the environment's proxies, to the identity endpoints of a function and a machine.

They speak plain HTTP to this machine's own network: a proxy would see the tokens. Over http.client, which a function
that just started imports faster than anything else.
"""

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from boatyard_registry.deadline import Deadline, OutOfTime
from boatyard_registry.transport import Answer, Unreachable


class DirectTransport:
    """Implements `boatyard_registry.transport.Transport`. Each request has a connection of its own."""

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limit: int,
        deadline: Deadline,
    ) -> Answer:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            connection = kind(parts.hostname or "", parts.port, timeout=deadline.require())
            try:
                connection.request(method, target, body=body, headers=dict(headers))
                answer = connection.getresponse()
                data = answer.read(limit + 1)
            finally:
                connection.close()
        except OutOfTime:
            raise Unreachable("it did not answer in time") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"no connection ({type(error).__name__})") from None
        if len(data) > limit:
            raise Unreachable(f"it sent more than {limit:,} bytes")
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, data, url)

    def close(self) -> None: ...
