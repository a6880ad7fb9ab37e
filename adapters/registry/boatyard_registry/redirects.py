"""Follows redirects without sending credentials to another origin."""

from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import urljoin, urlsplit

import msgspec

from boatyard_registry.deadline import Deadline
from boatyard_registry.origin import same_origin
from boatyard_registry.transport import Answer, Unreachable

_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Send(Protocol):
    """`Transport.send` of a request without a body."""

    def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str], limit: int, deadline: Deadline
    ) -> Answer: ...


def follow(
    send: Send,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    limit: int,
    deadline: Deadline,
) -> Answer:
    """Sends one GET or HEAD and follows its redirects. Raises Unreachable.

    Only the original origin receives Authorization: a blob store gets none, and a redirect from a blob store back to
    that origin gets none either.
    """
    target, sent, redirected = url, dict(headers), False
    for _ in range(_MOST_REDIRECTS + 1):
        answer = send(method, target, headers=sent, limit=limit, deadline=deadline)
        location = answer.headers.get("location")
        if answer.status not in _REDIRECTS or not location:
            return msgspec.structs.replace(answer, redirected=redirected)
        try:
            followed = urljoin(target, location)
        except ValueError:
            raise Unreachable(f"{urlsplit(target).hostname} redirects to something that is no URL") from None
        if target.startswith("https:") and not followed.startswith("https:"):
            raise Unreachable(f"{urlsplit(target).hostname} redirects away from https")
        target, redirected = followed, True
        if not same_origin(target, url):
            sent.pop("authorization", None)
    raise Unreachable(f"{urlsplit(url).hostname} redirects without end")
