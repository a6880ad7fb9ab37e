"""Stores orders by their base images, one small object each, so that no lock is needed."""

from collections.abc import Iterator

import msgspec

from boatyard import canonical
from boatyard.api.messages import OrderRequest
from boatyard.decoding import Undecodable, decode_json, prepared
from boatyard.errors import BoatyardError, invalid
from boatyard.order import Order
from boatyard.plan import Plan
from boatyard.reference import Reference
from boatyard.spec import spec_document
from boatyard_serverless import keys
from boatyard_serverless.ports import Bucket


class KeptOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A stored order. `base` is the reference that the order names, without a pin's digest."""

    base: str
    order: OrderRequest


class Orders:
    """Stores orders as `<hash of the base>/<hash of the order>`, so that equal orders share one name."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def remember(self, order: Order, plan: Plan) -> None:
        """Stores the order under each base that may move. An image that the order names by its digest cannot move."""
        for base in _bases(order, plan):
            body = msgspec.json.encode(KeptOrder(base=str(base), order=_request(order)))
            self._bucket.put(keys.built(base, canonical.digest(body)[:32]), body)

    def on(self, base: Reference, *, after: str = "", page: int = 1000) -> Iterator[str]:
        """Yields the names of a base's orders in a fixed order, after `after`, in pages of `page` names."""
        start = keys.built_named(after) if after else ""
        for key in self._bucket.keys(keys.built_on(base), after=start, page=page):
            if name := keys.built_name(key):
                yield name

    def get(self, name: str) -> KeptOrder | None:
        """Returns None for a deleted order. Raises INVALID_SPEC for a malformed name or an unreadable order."""
        key = keys.built_named(name)
        stored = self._bucket.get(key)
        if stored is None:
            return None
        try:
            return decode_json(stored.body, KeptOrder)
        except Undecodable as error:
            raise invalid(f"{key} is no order: {error}") from None

    def bases(self) -> Iterator[tuple[str, int]]:
        """Yields each base and its number of orders. Reads only one order of each base."""
        names: dict[str, list[str]] = {}
        for key in self._bucket.keys(keys.BUILT):
            if name := keys.built_name(key):
                names.setdefault(name.partition("/")[0], []).append(name)
        for found in names.values():
            if base := self._base(found):
                yield base, len(found)

    def _base(self, names: list[str]) -> str:
        for name in names:
            try:
                if built := self.get(name):
                    return built.base
            except BoatyardError as error:
                if error.meaning.retryable:
                    raise
        return ""


def _bases(order: Order, plan: Plan) -> Iterator[Reference]:
    """The base images of an order, after the deployment's rules and without a pin's digest."""
    images = {order.spec.base_image: plan.base_image} if order.spec.base_image else plan.pulls.images
    for image, effective in images.items():
        try:
            if Reference.parse(image).digest:
                continue
            base = msgspec.structs.replace(Reference.parse(effective), digest=None)
        except BoatyardError:
            continue  # BuildKit reports what is wrong with it
        if base.tag:
            yield base


def _request(order: Order) -> OrderRequest:
    document = {
        "spec": spec_document(order.spec),
        "target": order.target,
        "context": order.context,
        "project": order.scope.project,
        "domain": order.scope.domain,
        "registrySecret": order.registry_secret,
    }
    return msgspec.json.decode(msgspec.json.encode(document), type=prepared(OrderRequest))
