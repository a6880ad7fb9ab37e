"""Label and field selectors (kubernetes.io/docs/concepts/overview/working-with-objects/labels)."""

import re
from collections.abc import Callable
from typing import Any

from tests.kubernetes.loopback.resources import Resource
from tests.kubernetes.loopback.status import Refused

Test = Callable[[dict[str, Any]], bool]
_KEY = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?"
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?\Z")
_TERM = re.compile(
    rf"\s*(?:(?P<key>{_KEY})\s*(?P<op>==|=|!=)\s*(?P<value>[^,()]*?)"
    rf"|(?P<inkey>{_KEY})\s+(?P<inop>in|notin)\s+\((?P<values>[^()]*)\)|(?P<not>!?)(?P<has>{_KEY}))\s*(?:,|\Z)"
)


def labels(text: str) -> Test:
    tests: list[Callable[[dict[str, str]], bool]] = []
    at = 0
    while at < len(text):
        term = _TERM.match(text, at)
        if not term:
            raise Refused(400, f"unable to parse requirement: {text[at:]!r}")
        at = term.end()
        if term["key"]:
            tests.append(_equal(term["key"], term["op"] == "!=", _value(term["value"])))
        elif term["inkey"]:
            among = {_value(value.strip()) for value in term["values"].split(",")}
            tests.append(_among(term["inkey"], term["inop"] == "notin", among))
        else:
            tests.append(_has(term["has"], bool(term["not"])))
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def fields(text: str, resource: Resource) -> Test:
    wanted: list[tuple[str, str, bool]] = []
    for part in filter(None, text.split(",")):
        name, negative, value = part.partition("!=")
        if not negative:
            name, equal, value = part.partition("=")
            value = value.removeprefix("=")
            if not equal:
                raise Refused(400, f"invalid selector: {text!r}; can't understand {part!r}")
        if name not in resource.fields:
            raise Refused(400, f"field label not supported: {name}")
        wanted.append((name, value, bool(negative)))
    return lambda obj: all((_field(obj, name) == value) is not negative for name, value, negative in wanted)


def _field(obj: dict[str, Any], path: str) -> str:
    if path == "status.successful":
        return str(obj.get("status", {}).get("succeeded", 0))
    value: Any = obj
    for part in path.split("."):
        value = (value or {}).get(part)
    return "" if value is None else str(value)


def _value(text: str) -> str:
    if not _VALUE.match(text) or len(text) > 63:
        raise Refused(400, f"unable to parse requirement: values[0]: Invalid value: {text!r}")
    return text


def _equal(key: str, negative: bool, value: str) -> Callable[[dict[str, str]], bool]:
    return lambda labels: (labels.get(key) != value) if negative else labels.get(key) == value


def _among(key: str, negative: bool, values: set[str]) -> Callable[[dict[str, str]], bool]:
    return lambda labels: (labels.get(key) in values) is not negative


def _has(key: str, negative: bool) -> Callable[[dict[str, str]], bool]:
    return lambda labels: (key in labels) is not negative
