"""What a secret's object is called. Kubernetes takes lower-case names only (RFC 1123); ours know more letters."""

import hashlib
import re
from typing import Final

from boatyard.ports import Scope

BUILD_KIND: Final = "build"
PULL_KIND: Final = "image_pull"
KINDS: Final = (BUILD_KIND, PULL_KIND)
VALUE: Final = "value"
"""The key that holds the value in either kind of object."""
_WORDS: Final = {BUILD_KIND: "build", PULL_KIND: "pull"}
_LONGEST: Final = 40


def secret_object_name(scope: Scope, kind: str, name: str) -> str:
    """Readable, and different for different names: `TOKEN` and `token` are two secrets.

    The scope counts: several projects can share a namespace. A template may leave them out, and `{project}-{domain}`
    makes one namespace of a/b-c and a-b/c.
    """
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST].strip("-")
    # Neither a project nor a domain holds a slash.
    digest = hashlib.sha256(f"{scope.project}/{scope.domain}/{name}".encode()).hexdigest()[:16]
    return f"boatyard-{_WORDS[kind]}-{readable or 'x'}-{digest}"
