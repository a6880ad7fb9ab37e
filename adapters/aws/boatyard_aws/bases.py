"""Base images that move: which digest builds use, and who was built on them.

A key does not know what a floating tag resolves to. So a push of a base pins it: from then on the base is its
digest, orders that name it get a new key and a new image, and an immutable tag is never pushed twice.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from boatyard import canonical
from boatyard.api.messages import OrderRequest
from boatyard.build import Build
from boatyard.errors import BoatyardError
from boatyard.plan import Order
from boatyard.reference import Reference
from boatyard.service import Answer, Service
from boatyard.settings import BaseImageRule, Settings
from boatyard.spec import spec_document
from boatyard_aws.s3 import Bucket, layout

_FRESH_SECONDS: Final = 60.0
_TRIES: Final = 5


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it is kept: `base` is the reference that it names, without the digest of any pin."""

    base: str
    order: OrderRequest


class Pins:
    """Base reference -> digest, in one object of the bucket, read at most once a minute."""

    def __init__(self, bucket: Bucket, *, now: Callable[[], float] = time.monotonic) -> None:
        self._bucket = bucket
        self._now = now
        self._pins: dict[str, str] = {}
        self._read_at = float("-inf")

    def all(self) -> dict[str, str]:
        if self._now() - self._read_at >= _FRESH_SECONDS:
            self._read()
        return self._pins

    def pin(self, base: Reference, digest: str) -> None:
        """Raises DATAPLANE_UNAVAILABLE if others keep changing the object."""
        for _ in range(_TRIES):
            etag = self._read()
            if self._pins.get(str(base)) == digest:
                return
            body = msgspec.json.encode({**self._pins, str(base): digest}, order="sorted")
            made = self._bucket.replace(layout.PINS, body, etag) if etag else self._bucket.create(layout.PINS, body)
            if made:
                self._read()
                return
        raise BoatyardError("DATAPLANE_UNAVAILABLE", f"others keep changing {layout.PINS}; it is tried again")

    def applied(self, settings: Settings) -> Settings:
        """The settings with pinned bases: the deployment's own rules first, each with its image pinned."""
        pins = self.all()
        if not pins:
            return settings
        rules = tuple(
            msgspec.structs.replace(rule, image=_at(rule.image, pins)) for rule in settings.base_images
        ) + tuple(BaseImageRule(match=base, image=f"{base}@{digest}") for base, digest in sorted(pins.items()))
        return msgspec.structs.replace(settings, base_images=rules)

    def _read(self) -> str | None:
        stored = self._bucket.get(layout.PINS)
        self._pins = msgspec.json.decode(stored.body, type=dict[str, str]) if stored else {}
        self._read_at = self._now()
        return stored.etag if stored else None


class Orders:
    """Orders by the base that they name."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def remember(self, order: Order, base_image: str) -> None:
        """`base_image` is the plan's. An order that names a digest itself is never built anew."""
        if not base_image or Reference.parse(order.spec.base_image).digest:
            return
        base = msgspec.structs.replace(Reference.parse(base_image), digest=None)
        if base.tag is None:
            return
        body = msgspec.json.encode(Built(base=str(base), order=_request(order)))
        self._bucket.put(f"{layout.built_on(base)}{canonical.digest(body)[:32]}.json", body)

    def on(self, base: Reference) -> Iterator[Built]:
        return self._under(layout.built_on(base))

    def everything(self) -> Iterator[Built]:
        return self._under(layout.BUILT)

    def _under(self, prefix: str) -> Iterator[Built]:
        for key in self._bucket.keys(prefix):
            stored = self._bucket.get(key)
            if stored is not None:
                yield msgspec.json.decode(stored.body, type=Built)


class RememberingService(Service):
    """Remembers the order of each build that it starts. A build is not refused because that failed."""

    orders: Orders
    on_forgotten: Callable[[Build, BoatyardError], None]

    def ensure(self, order: Order) -> Answer:
        answer = super().ensure(order)
        if answer.build is not None and not answer.joined:
            try:
                self.orders.remember(order, answer.plan.base_image)
            except BoatyardError as error:
                self.on_forgotten(answer.build, error)
        return answer


def _request(order: Order) -> OrderRequest:
    document = {
        "spec": spec_document(order.spec),
        "target": order.target,
        "context": order.context,
        "project": order.scope.project,
        "domain": order.scope.domain,
        "registrySecret": order.registry_secret,
    }
    return msgspec.json.decode(msgspec.json.encode(document), type=OrderRequest)


def _at(image: str, pins: dict[str, str]) -> str:
    reference = Reference.parse(image)
    digest = None if reference.digest else pins.get(str(reference))
    return f"{reference}@{digest}" if digest else image
