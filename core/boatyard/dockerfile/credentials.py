"""Refuses passwords in a Dockerfile, which would be in the image's history, the key and the plan."""

import re
from collections.abc import Collection
from typing import Final

from boatyard.errors import invalid

_USER_INFO: Final = re.compile(r"://([^/\s]+)@")
"""Everything up to the last @ of the authority, as uv and pip read it. The scheme is not part of the pattern:
that would take quadratic time for a long word."""
_VARIABLE: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))\Z")
_PUBLIC_USERS: Final = frozenset({"git", "__token__"})


def refuse_credentials(text: str, variables: Collection[str], *, field: str) -> None:
    """Raises INVALID_SPEC for `https://user:password@host` and `https://token@host`.

    `https://user:$TOKEN@host` is allowed if TOKEN is among the layer's secret mounts (`variables`).
    """
    for found in _USER_INFO.finditer(text):
        user, colon, password = found[1].partition(":")
        private = password if colon else user
        if not colon and (user in _PUBLIC_USERS or text.endswith("ssh", 0, found.start())):
            continue
        variable = _VARIABLE.match(private)
        if variable and (variable[1] or variable[2]) in variables:
            continue
        raise invalid(
            f"a URL for {text[found.end() :].split('/', 1)[0]!r} holds a credential, which would stay in the image; "
            "make it a secret: https://user:$TOKEN@host with secret_mounts=['TOKEN']",
            field=field,
        )
