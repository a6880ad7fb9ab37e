"""Writes the daily report of base images that have moved since images were built on them."""

import datetime as dt

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError
from boatyard.ports import Clock, Registry
from boatyard.reference import Reference
from boatyard_serverless import keys
from boatyard_serverless.bases import Orders, Pins
from boatyard_serverless.events.outcome import EventOutcome, words
from boatyard_serverless.ports import Bucket, Telemetry

_LATEST = f"{keys.DRIFT}latest.json"


class BaseDrift(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`known` is the digest that builds are pinned to, else the digest in the previous report."""

    base: str
    orders: int
    current: str | None = None
    known: str | None = None
    drifted: bool = False
    problem: str = ""


class DriftReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    at: str
    bases: tuple[BaseDrift, ...]


class Drift:
    def __init__(
        self, registry: Registry, orders: Orders, pins: Pins, bucket: Bucket, clock: Clock, telemetry: Telemetry
    ) -> None:
        self._registry = registry
        self._orders = orders
        self._pins = pins
        self._bucket = bucket
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self) -> EventOutcome:
        now = dt.datetime.fromtimestamp(self._clock.now(), dt.timezone.utc)
        before = self._before()
        bases = tuple(self._look(base, count, before) for base, count in sorted(self._orders.bases()))
        body = msgspec.json.encode(DriftReport(at=now.isoformat(timespec="seconds"), bases=bases))
        day = f"{keys.DRIFT}{now:%Y-%m-%d}.json"
        self._bucket.put(day, body)
        self._bucket.put(_LATEST, body)
        drifted = [base.base for base in bases if base.drifted]
        self._telemetry.info("base drift", drifted=drifted, bases=len(bases), report=day)
        self._telemetry.count("DriftedBases", len(drifted))
        return EventOutcome(event=f"drift {day}", problems=tuple(f"{base} has moved" for base in drifted))

    def _look(self, base: str, orders: int, before: dict[str, str]) -> BaseDrift:
        known = self._pins.all().get(base) or before.get(base)
        try:
            image = self._registry.find(Reference.parse(base), ())
        except BoatyardError as error:
            return BaseDrift(base=base, orders=orders, known=known, problem=words(error))
        current = image.digest if image else None
        drifted = known is not None and current != known
        return BaseDrift(base=base, orders=orders, current=current, known=known, drifted=drifted)

    def _before(self) -> dict[str, str]:
        stored = self._bucket.get(_LATEST)
        if stored is None:
            return {}
        try:
            report = decode_json(stored.body, DriftReport)
        except Undecodable:
            return {}  # loses one day's comparison, not all later ones
        return {base.base: found for base in report.bases if (found := base.current or base.known)}
