"""Redacts secret values in everything that a job writes.

Preparation takes time linear in the secrets' size, and redaction in the text's length: a regular expression of all
forms of a key file would take minutes to compile.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final
from urllib.parse import quote, quote_plus

_SHORTEST: Final = 4
"""Shorter values would redact ordinary words, and are not secure anyway."""

_SHORTEST_INSIDE: Final = 8
"""Length of a piece of base64, which is harder to distinguish from other text."""

_PIECE: Final = 32
"""Characters. A longer form is found by its pieces, so it needs memory of about its own size, and wrapped or cut parts
are redacted as well."""

HIDDEN: Final = "•••"


class Redactor:
    """Replaces each secret value, its lines, and their forms in URLs, JSON, a shell's trace and base64."""

    def __init__(self, values: Iterable[bytes] = ()) -> None:
        self._pieces: set[str] = set()
        self._lengths: dict[str, tuple[int, ...]] = {}
        """The first `_SHORTEST` characters of pieces -> the lengths of the pieces, the longest first."""
        for value in values:
            for form in _forms(value):
                self._pieces.update(_cut(form))
        lengths: dict[str, set[int]] = {}
        for piece in self._pieces:
            lengths.setdefault(piece[:_SHORTEST], set()).add(len(piece))
        self._lengths = {start: tuple(sorted(found, reverse=True)) for start, found in lengths.items()}
        self._start = _start_of(self._lengths)
        self.longest = max(map(len, self._pieces), default=0)
        """Characters: a text that is cut anywhere may end with fewer than that many characters of a secret."""

    def __call__(self, text: str) -> str:
        if self._start is None or not (spans := list(self._spans(text))):
            return text
        shown: list[str] = []
        at = 0
        for begin, end in spans:
            shown += (text[at:begin], HIDDEN)
            at = end
        return "".join((*shown, text[at:]))

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """The spans to redact, in order; overlapping and adjacent pieces are merged."""
        assert self._start is not None  # noqa: S101 - `__call__` has looked
        begin = end = -1
        for found in self._start.finditer(text):
            at = found.start()
            for length in self._lengths.get(text[at : at + _SHORTEST], ()):
                if at + length <= end:
                    break  # redacted already, like all shorter pieces
                if text[at : at + length] in self._pieces:
                    if at > end:
                        if end >= 0:
                            yield begin, end
                        begin = at
                    end = at + length
                    break
        if end >= 0:
            yield begin, end


def url_passwords(*urls: str) -> list[bytes]:
    """The password between `//name:` and `@` of each URL; the name if there is no password."""
    found = (re.match(r"[a-z+]+://([^/@]*)@", url, re.IGNORECASE) for url in urls)
    return [(match[1].partition(":")[2] or match[1]).encode() for match in found if match]


def _start_of(starts: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern that finds where a piece may start, by the characters in each of its first positions."""
    places = [sorted(set(place)) for place in zip(*starts, strict=True)]
    classes = "".join(f"[{''.join(map(re.escape, place))}]" for place in places)
    return re.compile(f"(?={classes})") if classes else None


def _cut(form: str) -> Iterator[str]:
    if len(form) <= _PIECE:
        yield form
        return
    for at in range(0, len(form) - _PIECE + 1, _PIECE):
        yield form[at : at + _PIECE]
    yield form[-_PIECE:]


def _forms(value: bytes) -> Iterator[str]:
    text = value.decode("utf-8", "replace")
    parts = {text, text.strip(), *(line.strip() for line in text.splitlines())}
    for form in chain(_encoded(value), *(chain(_written(part), _encoded(part.encode())) for part in parts)):
        for shown in (form, form.rstrip("=")):
            if len(shown) >= _SHORTEST:
                yield shown


def _written(part: str) -> Iterator[str]:
    yield part
    if part.isascii() and part.isalnum():
        return
    yield from (quote(part, safe=""), quote(part), quote_plus(part), repr(part)[1:-1])
    yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
    yield from (part.replace("'", "'\"'\"'"), part.replace("'", "'\\''"))  # `set -x` of dash, and of bash


def _encoded(value: bytes) -> Iterator[str]:
    yield from (base64.b64encode(value).decode(), base64.urlsafe_b64encode(value).decode())
    yield from _inside_base64(value)


def _inside_base64(value: bytes) -> Iterator[str]:
    """Parts that the base64 of any longer text with the value contains, such as `name:value` of Basic."""
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + value)
        sure = encoded[-(-shift * 8 // 6) : (shift + len(value)) * 8 // 6].decode()
        if len(sure) >= _SHORTEST_INSIDE:
            yield sure
            yield sure.replace("+", "-").replace("/", "_")
