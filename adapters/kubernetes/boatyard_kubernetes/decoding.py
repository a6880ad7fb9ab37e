"""JSON of others: one error for whatever is wrong with it, and types that are ready before threads use them.

msgspec (seen with 0.22) builds what it knows of a type at the first decode, and two threads that do so at once
with a type as deep as a Pod crash the process. So the first decode of each type happens alone.
"""

import contextlib
import threading
from typing import Final, TypeVar

import msgspec
from lightkube.core import decoders
from lightkube.core.resource import Resource

T = TypeVar("T")


class Malformed(ValueError):
    """It is not what it should be. The message may quote it."""


def decode(decoder: msgspec.json.Decoder[T], data: bytes | str) -> T:
    """Raises Malformed. msgspec has three errors: bytes that are no JSON or another type, bytes that are no UTF-8, and
    more nesting than Python's stack holds."""
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Malformed(str(error)) from None
    except RecursionError:
        raise Malformed("it is nested too deeply") from None


_lock: Final = threading.Lock()
_ready: Final[set[type[Resource]]] = set()


def make_ready(kind: type[Resource]) -> None:
    if kind in _ready:
        return
    with _lock:
        if kind not in _ready:
            decoders.decode_list(b'{"metadata":{},"items":[]}', kind)
            with contextlib.suppress(msgspec.ValidationError):  # where a spec is required; it is ready then
                decoders.decode_object(b"{}", kind)
            _ready.add(kind)
