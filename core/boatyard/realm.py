"""What keeps the builds of one project and domain apart from all others.

A builder is shared, and it reuses what was made before: by an image's tag, by the id of a cache mount or of a
secret, by the instruction of a step. Whoever can compute such a name can ask for what another project has, or leave
something where another project will find it. So each of these names holds a value that only the service can compute:
HMAC-SHA256 (RFC 2104) with the deployment's key, one value for each purpose. To know one of them, which an image's
provenance may show, is to know no other.
"""

import hashlib
import hmac
from typing import Final, Literal

import msgspec

from boatyard import canonical
from boatyard.ports import Scope

KEY_BYTES: Final = 32
"""Of a deployment's key."""

_SCHEMA: Final = "boatyard/realm/1"
_LENGTH: Final = 32
"""Hex digits of a value that becomes part of a name: 128 bits."""

Isolation = Literal["project", "deployment"]
Purpose = Literal["key", "cache", "namespace", "secret", "steps", "files"]


class Realm(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one project and domain, or of the whole deployment where its projects trust each other."""

    key: str = ""
    """Part of every key, so that no project is answered with another's image. Empty: keys are the same everywhere."""
    cache: str = ""
    """Prefix of the ids of cache mounts in Dockerfiles that Boatyard writes."""
    namespace: str = ""
    """Prefix that BuildKit's frontend puts before the ids of all cache mounts, a user's own included."""
    secret: str = ""
    """Prefix of the ids of secrets. Always of the project: a name means another value in another project."""
    steps: str = ""
    """Part of BuildKit's cache key of every RUN, so that no step is answered by another project's."""
    files: str = ""
    """Names what a job sends to BuildKit, and decides the times of the files."""


UNKNOWN: Final = Realm()
"""Where there is no deployment's key: a plan that is made without the service."""


def realm_of(scope: Scope, isolation: Isolation, deployment_key: bytes) -> Realm:
    """The realm that builds of a scope belong to. Equal for equal arguments, wherever and whenever it is made."""
    own = (scope.project, scope.domain)
    shared = own if isolation == "project" else ()

    def value(purpose: Purpose, whose: tuple[str, ...]) -> str:
        message = canonical.encode((_SCHEMA, purpose, *whose))
        return hmac.new(deployment_key, message, hashlib.sha256).hexdigest()

    def name(purpose: Purpose, whose: tuple[str, ...] = shared) -> str:
        return value(purpose, whose)[:_LENGTH]

    return Realm(
        # Projects that trust each other trust what others make of the same key, as one who plans offline does.
        key=value("key", own) if isolation == "project" else "",
        cache=name("cache") + "-",
        namespace=name("namespace"),
        secret=name("secret", own) + "-",
        steps=name("steps"),
        files=name("files"),
    )
