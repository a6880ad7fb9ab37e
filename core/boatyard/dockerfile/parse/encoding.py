"""Converts a Dockerfile's bytes to text and back without loss.

Docker accepts any bytes. JSON only carries Unicode, so a spec names the encoding of its text: `utf-8`, or `latin-1`
(one character per byte) for a file that is not UTF-8. The parser uses a third form, UTF-8 with invalid bytes as lone
surrogates (PEP 383), because BuildKit treats such bytes as single unknown characters.
"""

from typing import Final, Literal

UTF8: Final = "utf-8"
BYTES: Final = "latin-1"

_BOM: Final = "\ufeff"


def spec_text(data: bytes) -> tuple[str, Literal["utf-8", "latin-1"]]:
    """Converts a file's bytes to a spec's text and encoding, without the byte order mark, which BuildKit drops."""
    try:
        return data.decode("utf-8-sig"), UTF8
    except UnicodeDecodeError:
        return data.decode(BYTES), BYTES


def encode(text: str, encoding: str) -> bytes:
    """Converts a spec's text to the file's bytes. Raises UnicodeEncodeError."""
    return text.encode(encoding)


def decode(text: str, encoding: str) -> str:
    """Converts a spec's text to the parser's form."""
    if encoding == UTF8:
        return text.removeprefix(_BOM)
    return encode(text, encoding).removeprefix(_BOM.encode()).decode("utf-8", "surrogateescape")


def respec(source: str) -> tuple[str, str]:
    """Converts the parser's form to a spec's text and encoding."""
    if source.isascii():
        return source, UTF8
    return spec_text(source.encode("utf-8", "surrogateescape"))
