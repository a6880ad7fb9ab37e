"""Maps base references to the digests that builds use, in one object of the bucket."""

import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard.settings import BaseImageRule
from boatyard_serverless import keys
from boatyard_serverless.ports import Bucket

_FRESH_SECONDS: Final = 60.0
_TRIES: Final = 5


class Pins:
    """Reads the pins at most once a minute, or when a caller knows of a newer pin."""

    def __init__(self, bucket: Bucket, *, now: Callable[[], float] = time.monotonic) -> None:
        self._bucket = bucket
        self._now = now
        self._pins: dict[str, str] = {}
        self._read_at = float("-inf")

    def all(self) -> dict[str, str]:
        if self._now() - self._read_at >= _FRESH_SECONDS:
            self._read()
        return self._pins

    def know(self, base: Reference, digest: str) -> None:
        """Reads the pins again unless `base` is pinned to `digest` here. Callers know that the base has had this
        pin."""
        if self._pins.get(str(base)) != digest:
            self._read()

    def pin(self, base: Reference, digest: str) -> None:
        """Pins the base to `digest`. Raises DATAPLANE_UNAVAILABLE if other writers keep changing the object."""
        for _ in range(_TRIES):
            version = self._read()
            if self._pins.get(str(base)) == digest:
                return
            body = msgspec.json.encode({**self._pins, str(base): digest}, order="sorted")
            made = self._bucket.replace(keys.PINS, body, version) if version else self._bucket.create(keys.PINS, body)
            if made:
                self._read()
                return
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"others keep changing {keys.PINS}; it is tried again")

    def applied(self, rules: tuple[BaseImageRule, ...]) -> tuple[BaseImageRule, ...]:
        """The deployment's own rules with their images pinned, followed by a rule for each pinned base."""
        pins = self.all()
        if not pins:
            return rules
        return tuple(msgspec.structs.replace(rule, image=_at(rule.image, pins)) for rule in rules) + tuple(
            BaseImageRule(match=name, image=f"{base}@{digest}")
            for base, digest in sorted(pins.items())
            for name in _names(base)
        )

    def _read(self) -> str | None:
        stored = self._bucket.get(keys.PINS)
        self._pins = _parsed(stored.body) if stored else {}
        self._read_at = self._now()
        return stored.version if stored else None


def _parsed(body: bytes) -> dict[str, str]:
    """Raises for an unreadable object. Treating it as empty would return the old images for good."""
    try:
        return decode_json(body, dict[str, str])
    except Undecodable:
        raise BoatyardError(
            Code.INTERNAL, f"{keys.PINS} in the bucket is not a table of digests: correct or delete it"
        ) from None


def _names(base: str) -> Iterator[str]:
    """The spellings of a base in a spec or a Dockerfile."""
    yield base
    if base.endswith(":latest"):
        yield base.removesuffix(":latest")


def _at(image: str, pins: dict[str, str]) -> str:
    reference = Reference.parse(image)
    digest = None if reference.digest else pins.get(str(reference))
    return f"{reference}@{digest}" if digest else image
