"""What a secret's object is called. Kubernetes takes lower-case names only (RFC 1123); ours know more letters."""

import hashlib
import re
from typing import Final

BUILD_KIND: Final = "build"
PULL_KIND: Final = "image_pull"
KINDS: Final = (BUILD_KIND, PULL_KIND)
VALUE: Final = "value"
"""The key that holds the value in either kind of object."""
_WORDS: Final = {BUILD_KIND: "build", PULL_KIND: "pull"}
_LONGEST: Final = 40


def secret_object_name(kind: str, name: str) -> str:
    """Readable, and different for different names: `TOKEN` and `token` are two secrets."""
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST].strip("-")
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"boatyard-{_WORDS[kind]}-{readable or 'x'}-{digest}"
