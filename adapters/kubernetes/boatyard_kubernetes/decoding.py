"""Prepares types for decoding before threads use them.

msgspec (seen with 0.22) prepares a type at its first decode, and two threads that do so concurrently with a type as
deep as a Pod crash the process. So the first decode of each type happens in one thread.
"""

import contextlib
import threading
from typing import Final

import msgspec
from lightkube.core import decoders
from lightkube.core.resource import Resource

_lock: Final = threading.Lock()
_ready: Final[set[type[Resource]]] = set()


def make_ready(kind: type[Resource]) -> None:
    if kind in _ready:
        return
    with _lock:
        if kind not in _ready:
            decoders.decode_list(b'{"metadata":{},"items":[]}', kind)
            with contextlib.suppress(
                msgspec.ValidationError
            ):  # types with a required spec; the type is prepared anyway
                decoders.decode_object(b"{}", kind)
            _ready.add(kind)
