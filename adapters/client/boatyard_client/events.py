"""Events while an image is ensured, for displays."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from boatyard.build import Build, State


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="event", tag=str.lower):
    """`event` in its JSON is the type's name in lower case."""


class Accepted(_Event, frozen=True, kw_only=True):
    """The service accepted the order: a build runs or waits."""

    id: str
    key: str
    target: str
    state: State
    joined: bool
    """The build was under way already."""


class Packing(_Event, frozen=True, kw_only=True):
    """Files of the context that were packed, and how many there are."""

    files: int
    total: int


class Uploading(_Event, frozen=True, kw_only=True):
    """Bytes of the context that went out. A broken upload begins at 0 again."""

    sent: int
    total: int


class Changed(_Event, frozen=True, kw_only=True):
    """The build's state, phase or step has changed."""

    build: Build


class Log(_Event, frozen=True, kw_only=True):
    lines: tuple[str, ...]


class Waiting(_Event, frozen=True, kw_only=True):
    """The service does not answer properly; the client retries after `seconds`."""

    reason: str
    seconds: float


Event: TypeAlias = Accepted | Packing | Uploading | Changed | Log | Waiting
OnEvent: TypeAlias = Callable[[Event], None]
