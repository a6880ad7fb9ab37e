"""The canonical encoding of values that keys are computed from.

It is typed and length-delimited, so that different values have different bytes: `("a", "bc")` and
`("ab", "c")`, `"1"` and `1`, `None` and `""` all differ. It never changes; a new meaning gets a new
schema version inside the value instead.
"""

import hashlib
from typing import TypeAlias

Value: TypeAlias = "bool | int | str | bytes | tuple[Value, ...] | list[Value] | None"


def encode(value: Value) -> bytes:
    """`<type><length>:<bytes>` for scalars, `l<count>:<items>` for sequences."""
    match value:
        case None:
            return b"n0:"
        case bool():
            return b"b1:1" if value else b"b1:0"
        case int():
            digits = str(value).encode("ascii")
            return b"i%d:%s" % (len(digits), digits)
        case str():
            data = value.encode("utf-8")
            return b"s%d:%s" % (len(data), data)
        case bytes():
            return b"x%d:%s" % (len(value), value)
        case tuple() | list():
            return b"l%d:" % len(value) + b"".join(encode(item) for item in value)
    raise TypeError(f"cannot encode {type(value).__name__}")


def digest(value: Value) -> str:
    """64 lower-case hex digits of sha256 over the encoding."""
    return hashlib.sha256(encode(value)).hexdigest()
