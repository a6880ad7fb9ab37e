"""Isolates the builds of one project and domain from all others.

A shared builder reuses earlier results: by an image's tag, by the id of a cache mount or a secret, by the instruction
of a step. Anyone who can compute such a name can request another project's results, or plant something for another
project. So each of these names contains a value that only the service can compute: HMAC-SHA256 (RFC 2104) with the
deployment's key, with one value per purpose. An image's provenance may reveal one of the values, but not the others.
"""

import hashlib
import hmac
from typing import Final, Literal

import msgspec

from boatyard import canonical
from boatyard.ports import Scope

KEY_BYTES: Final = 32
"""Length of a deployment's key."""

_SCHEMA: Final = "boatyard/realm/1"
_LENGTH: Final = 32
"""Hex digits of a value in a name: 128 bits."""

Isolation = Literal["project", "deployment"]
Purpose = Literal["key", "cache", "namespace", "secret", "steps", "files"]


class Realm(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one project and domain, or of the whole deployment if its projects trust each other."""

    key: str = ""
    """Part of every key, so that no project receives another's image. Empty: keys are the same everywhere."""
    cache: str = ""
    """Prefix of the ids of cache mounts in Dockerfiles that Boatyard writes."""
    namespace: str = ""
    """Prefix that BuildKit's frontend puts before the ids of all cache mounts, a user's own included."""
    secret: str = ""
    """Prefix of the ids of secrets. Always per project, because a name has a different value in each."""
    steps: str = ""
    """Part of BuildKit's cache key of every RUN, so that no step reuses another project's result."""
    files: str = ""
    """Identifies the files that a job sends to BuildKit, and determines their times."""


UNKNOWN: Final = Realm()
"""The realm of a plan that is made without the service, and so without the deployment's key."""


def realm_of(scope: Scope, isolation: Isolation, deployment_key: bytes) -> Realm:
    """The realm of a scope's builds. Equal arguments always give an equal realm."""
    own = (scope.project, scope.domain)
    shared = own if isolation == "project" else ()

    def value(purpose: Purpose, whose: tuple[str, ...]) -> str:
        message = canonical.encode((_SCHEMA, purpose, *whose))
        return hmac.new(deployment_key, message, hashlib.sha256).hexdigest()

    def name(purpose: Purpose, whose: tuple[str, ...] = shared) -> str:
        return value(purpose, whose)[:_LENGTH]

    return Realm(
        # Projects that trust each other share the images of a key, also for plans made offline.
        key=value("key", own) if isolation == "project" else "",
        cache=name("cache") + "-",
        namespace=name("namespace"),
        secret=name("secret", own) + "-",
        steps=name("steps"),
        files=name("files"),
    )
