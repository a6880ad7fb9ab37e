"""The bytes of a Dockerfile as text, and back without a loss.

Docker takes any bytes. JSON carries Unicode only, so a spec says how its text became bytes: `utf-8`, or `latin-1`,
one character a byte, for a file that is no UTF-8. The parser works on a third form, UTF-8 with the bytes that are
none as lone surrogates (PEP 383), because BuildKit takes such bytes for single unknown characters.
"""

from typing import Final, Literal

UTF8: Final = "utf-8"
BYTES: Final = "latin-1"

_BOM: Final = "\ufeff"


def spec_text(data: bytes) -> tuple[str, Literal["utf-8", "latin-1"]]:
    """A file's bytes -> the text and the encoding for a spec. Without the byte order mark, as BuildKit drops it."""
    try:
        return data.decode("utf-8-sig"), UTF8
    except UnicodeDecodeError:
        return data.decode(BYTES), BYTES


def encode(text: str, encoding: str) -> bytes:
    """A spec's text -> the file's bytes. Raises UnicodeEncodeError for what the encoding has no byte for."""
    return text.encode(encoding)


def decode(text: str, encoding: str) -> str:
    """A spec's text -> what the parser works on."""
    if encoding == UTF8:
        return text.removeprefix(_BOM)
    return encode(text, encoding).removeprefix(_BOM.encode()).decode("utf-8", "surrogateescape")


def respec(source: str) -> tuple[str, str]:
    """What the parser works on -> the text and the encoding for a spec."""
    if source.isascii():
        return source, UTF8
    return spec_text(source.encode("utf-8", "surrogateescape"))
