"""Keeps secret values out of whatever a job writes."""

import base64
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

_SHORTEST: Final = 4
"""Shorter values would blacken ordinary words, and are no secrets worth the name."""

HIDDEN: Final = "•••"


class Redactor:
    """Replaces each secret value, its lines, and its URL-quoted and base64 forms."""

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
        forms |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
        forms |= {form.rstrip("=") for form in tuple(forms) if form.endswith("=")}
    return {form for form in forms if len(form) >= _SHORTEST}
