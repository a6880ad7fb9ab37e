"""Keeps secret values out of whatever a job writes."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

_SHORTEST: Final = 4
"""Shorter values would blacken ordinary words, and are no secrets worth the name."""

_SHORTEST_INSIDE: Final = 8
"""Letters of a piece of base64, which is not as easily told from other text."""

HIDDEN: Final = "•••"


class Redactor:
    """Replaces each secret value, its lines, and their forms in URLs, JSON, a shell's trace and base64."""

    def __init__(self, values: Iterable[bytes] = ()) -> None:
        forms: set[str] = set()
        for value in values:
            forms |= _forms(value)
        # Longest first: a value may be part of another one.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self.longest = len(ordered[0]) if ordered else 0
        """Characters of the longest form: a text cut off anywhere may end in that many of a secret."""

    def __call__(self, text: str) -> str:
        return self._pattern.sub(HIDDEN, text) if self._pattern else text


def url_passwords(*urls: str) -> list[bytes]:
    """What stands between `//name:` and `@` in each URL, with the name where there is no password."""
    found = (re.match(r"[a-z+]+://([^/@]*)@", url, re.IGNORECASE) for url in urls)
    return [(match[1].partition(":")[2] or match[1]).encode() for match in found if match]


def _forms(value: bytes) -> set[str]:
    text = value.decode("utf-8", "replace")
    parts = {text, text.strip(), *(line.strip() for line in text.splitlines())}
    forms: set[str] = set()
    for part in parts:
        raw = part.encode("utf-8", "replace")
        forms |= {part, quote(part, safe=""), quote(part), quote_plus(part), repr(part)[1:-1]}
        forms |= {json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]}
        forms |= {part.replace("'", "'\"'\"'"), part.replace("'", "'\\''")}  # `set -x` of dash, and of bash
        forms |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), *_inside_base64(raw)}
        forms |= {form.rstrip("=") for form in tuple(forms) if form.endswith("=")}
    return {form for form in forms if len(form) >= _SHORTEST}


def _inside_base64(value: bytes) -> Iterator[str]:
    """What is sure to be in the base64 of a longer text that holds the value, such as `name:value` of Basic."""
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + value)
        sure = encoded[-(-shift * 8 // 6) : (shift + len(value)) * 8 // 6].decode()
        if len(sure) >= _SHORTEST_INSIDE:
            yield sure
            yield sure.replace("+", "-").replace("/", "_")
