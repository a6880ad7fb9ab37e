"""Handles orders that arrive as messages or as documents in the bucket."""

from collections.abc import Callable
from typing import Any

import msgspec

from boatyard.api.handlers import order_of
from boatyard.api.messages import BuildAnswer, OrderRequest
from boatyard.api.problem import problem
from boatyard.decoding import Undecodable, convert, decode_json
from boatyard.errors import BoatyardError, Code, invalid
from boatyard.service import Service
from boatyard_serverless import keys
from boatyard_serverless.events.model import OrderSent, SpecDropped
from boatyard_serverless.events.outcome import EventOutcome, ordered
from boatyard_serverless.ports import Bucket


def request_of(document: Any) -> OrderRequest:
    """Parses the body of POST /v1/builds. Raises INVALID_SPEC."""
    try:
        return convert(document, OrderRequest)
    except Undecodable as error:
        raise invalid(error.reason, field=error.path or None) from None


class Ordering:
    """`service` is the one for events: the policies of the queue and the bucket restrict who may send them."""

    def __init__(self, service: Callable[[], Service], bucket: Bucket) -> None:
        self._service = service
        self._bucket = bucket

    def sent(self, event: OrderSent) -> EventOutcome:
        return ordered("message", self._service().ensure(order_of(request_of(event.document))))

    def dropped(self, event: SpecDropped) -> EventOutcome:
        """Builds the current version of the object, even for a late event of an older version, and writes the result to
        results/."""
        key = event.key
        name = f"dropped {key}"
        parts = keys.spec_parts(key)
        if parts is None:
            return EventOutcome(event=name, ignored="it is not a JSON document at specs/<project>/<domain>/")
        stored = self._bucket.get(key)
        if stored is None:
            return EventOutcome(event=name, ignored="it has been deleted since")
        try:
            answer = self._service().ensure(order_of(_in_scope(_document(stored.body), *parts[:2])))
        except BoatyardError as error:
            if not error.meaning.retryable:
                self._bucket.put(keys.result_of(key), msgspec.json.encode(problem(error)))
            raise
        self._bucket.put(keys.result_of(key), msgspec.json.encode(BuildAnswer.of(answer)))
        return ordered(name, answer)


def _document(body: bytes) -> Any:
    try:
        return decode_json(body, object)
    except Undecodable as error:
        raise invalid(f"the document: {error}") from None


def _in_scope(document: Any, project: str, domain: str) -> OrderRequest:
    """A document below specs/<project>/ may only build for that project, because the bucket's policy grants that
    prefix."""
    if not isinstance(document, dict):
        raise invalid("the document is not an object")
    asked = (document.get("project", project), document.get("domain", domain))
    if asked != (project, domain):
        raise BoatyardError(Code.FORBIDDEN, f"a document below specs/{project}/{domain}/ cannot build for {asked}")
    return request_of({**document, "project": project, "domain": domain})
