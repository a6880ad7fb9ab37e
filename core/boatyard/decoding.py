"""Decodes JSON from outside to a type, with a single error for every failure.

msgspec raises ValidationError for a wrong type, DecodeError for bad JSON, UnicodeDecodeError for bytes that are not
UTF-8, and RecursionError where a field that no type names nests deeply. A caller that misses one of them would
fail on a hostile document, so nothing else decodes JSON from outside.

msgspec itself refuses NaN, lone surrogates and numbers out of range; for duplicate names, the last one counts.

msgspec 0.22 describes a struct when it is first decoded, and stores the description on the class before it is complete.
Another thread that decodes the class in that moment reads a null pointer, and the process crashes. So the first use of
each type holds a lock (`prepared`, `decoder`).
"""

import re
import threading
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_LONGEST: Final = 200
_VALUE: Final = re.compile(r"\A(Invalid \w+ value) .*", re.DOTALL)
"""msgspec's only message that quotes a value, which may be a secret in the wrong field."""


_prepared: set[Any] = set()
_lock: Final = threading.RLock()


def prepared(kind: type[T]) -> type[T]:
    """The same type, which any number of threads may decode afterwards."""
    if kind not in _prepared:
        with _lock:
            msgspec.json.Decoder(kind)
            _prepared.add(kind)
    return kind


def decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    with _lock:
        return msgspec.json.Decoder(kind)


class Undecodable(ValueError):
    """`path` is the place in the document, such as `spec.layers[0]`; empty if the document is not JSON."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{reason} at {path}" if path else reason)
        self.reason = reason
        self.path = path


def decode_json(data: bytes | str, kind: "type[T] | msgspec.json.Decoder[T]") -> T:
    """Decodes JSON. `kind` is the type or a decoder for it. Raises Undecodable, which quotes no values."""
    try:
        if isinstance(kind, msgspec.json.Decoder):
            return kind.decode(data)
        return msgspec.json.decode(data, type=prepared(kind))
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Undecodable(f"not JSON: {error}"[:_LONGEST]) from None
    except RecursionError:
        raise Undecodable("nested too deeply") from None


def convert(document: Any, kind: type[T], *, strict: bool = True, quote: bool = False) -> T:
    """Converts a decoded document (dicts, lists, strings) to a type. Raises Undecodable.

    Not `strict`: text is accepted for numbers and booleans, as in environment variables. `quote`: the error repeats a
    wrong enumeration value; only for documents without secrets.
    """
    try:
        return msgspec.convert(document, prepared(kind), strict=strict)
    except msgspec.ValidationError as error:
        raise _invalid(error, quote=quote) from None
    except RecursionError:
        raise Undecodable("nested too deeply") from None


def _invalid(error: msgspec.ValidationError, *, quote: bool = False) -> Undecodable:
    # "… - at `$.layers[0]`", or "… - at `key` in `$.env`" for the names of a table.
    reason, _, place = str(error).partition(" - at `")
    key, _, path = place.rpartition("$")
    reason = reason if quote else _VALUE.sub(r"\1", reason)
    return Undecodable(f"{reason[:_LONGEST]}{' (a name)' if key else ''}", path.strip("`.")[:_LONGEST])
