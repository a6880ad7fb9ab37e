"""Checks requests, and the answers of stand-ins, against Google's published descriptions of its APIs.

google-api-python-client ships the documents (https://developers.google.com/discovery). They define what is
well-formed, not what an API does; that is the stand-ins' part.
"""

import importlib.resources
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from jsonschema import Draft202012Validator

_COMMON: Final = frozenset({"$alt", "$.xgafv"})
"""Query parameters that Google's generated clients send beside those of the documents."""
_FORMATS: Final[Mapping[str, Any]] = {
    "int64": {"anyOf": [{"type": "string", "pattern": "^-?[0-9]+$"}, {"type": "integer"}]},
    "uint64": {"anyOf": [{"type": "string", "pattern": "^[0-9]+$"}, {"type": "integer"}]},
    "byte": {"type": "string", "pattern": "^[A-Za-z0-9+/_-]*={0,2}$"},
    "google-datetime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$"},
    "google-duration": {"type": "string", "pattern": r"^-?\d+(\.\d+)?s$"},
}


class Refused(Exception):
    """A request that the real API would refuse, with `status`."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class Method(NamedTuple):
    id: str
    """Such as `secretmanager.projects.secrets.create`."""
    verb: str
    pattern: re.Pattern[str]
    parameters: Mapping[str, Any]
    request: str | None
    response: str | None


class Asked(NamedTuple):
    """A request that matches the document."""

    method: Method
    params: Mapping[str, str]
    """Of the path."""
    query: Mapping[str, str]
    body: Any


class Api:
    """`Api("cloudbuild", "v1")`. Reading a document takes a tenth of a second; `api` caches them."""

    def __init__(self, name: str, version: str) -> None:
        import googleapiclient.discovery_cache as shipped

        path = importlib.resources.files(shipped) / "documents" / f"{name}.{version}.json"
        self.document: dict[str, Any] = json.loads(path.read_text())
        self.name = name
        self._base = "/" + self.document.get("servicePath", "")
        self._schemas = {name: _schema(each) for name, each in self.document["schemas"].items()}
        self._common = _COMMON | set(self.document.get("parameters", {}))
        self.methods = {each["id"]: self._method(each) for each in _methods(self.document)}
        self._validators: dict[str, Draft202012Validator] = {}

    def match(self, verb: str, path: str, query: Mapping[str, str], body: Any) -> Asked:
        """Raises Refused for a method or a form that the API does not have."""
        for method in self.methods.values():
            if method.verb == verb and (found := method.pattern.match(path)):
                self._check_query(method, query)
                if method.request:
                    self.check(method.request, {} if body is None else body)
                elif body is not None:
                    raise Refused(400, f"{method.id} takes no body")
                return Asked(method, found.groupdict(), query, body)
        raise Refused(404, f"{self.name} has no method for {verb} {path}")

    def check_answer(self, method: Method, value: Any) -> None:
        if method.response:
            self.check(method.response, value)

    def check(self, schema: str, value: Any) -> None:
        if schema not in self._validators:
            self._validators[schema] = Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": self._schemas})
        errors = list(self._validators[schema].iter_errors(value))
        if errors:
            said = "; ".join(f"{'/'.join(map(str, each.path))}: {each.message[:120]}" for each in errors[:3])
            raise Refused(400, f"{schema}: {said}")

    def _check_query(self, method: Method, query: Mapping[str, str]) -> None:
        for name in query:
            if name not in method.parameters and name not in self._common:
                raise Refused(400, f"{method.id} has no query parameter {name}")
        for name, described in method.parameters.items():
            if described["location"] != "query":
                continue
            if described.get("required") and name not in query:
                raise Refused(400, f"{method.id} needs the query parameter {name}")
            if name in query and "enum" in described and query[name] not in described["enum"]:
                raise Refused(400, f"{method.id} does not know {name}={query[name]}")

    def _method(self, method: Mapping[str, Any]) -> Method:
        parameters = method.get("parameters", {})
        pieces: list[str] = []
        for literal, plus, name in re.findall(r"([^{}]+)|\{(\+?)(\w+)\}", method["path"]):
            if literal:
                pieces.append(re.escape(literal))
                continue
            default = ".+" if plus else "[^/:]+"
            pieces.append(f"(?P<{name}>{parameters[name].get('pattern', default).strip('^$')})")
        pattern = re.compile(re.escape(self._base) + "".join(pieces) + r"\Z")
        request, response = (method.get(each, {}).get("$ref") for each in ("request", "response"))
        return Method(method["id"], method["httpMethod"], pattern, parameters, request, response)


@cache
def api(name: str, version: str) -> Api:
    return Api(name, version)


def _methods(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from node.get("methods", {}).values()
    for resource in node.get("resources", {}).values():
        yield from _methods(resource)


def _schema(described: Mapping[str, Any]) -> dict[str, Any]:
    """Converts a discovery document's schema to JSON Schema. It refuses unknown fields, as the real APIs do."""
    if "$ref" in described:
        return {"$ref": f"#/$defs/{described['$ref']}"}
    if "enum" in described:
        # Google's generated clients write enums as numbers ($alt=json;enum-encoding=int).
        return {"anyOf": [{"enum": described["enum"]}, {"type": "integer"}]}
    if (form := described.get("format")) in _FORMATS:
        return dict(_FORMATS[str(form)])
    kind = described.get("type")
    if kind == "object":
        more = described.get("additionalProperties")
        return {
            "type": "object",
            "properties": {name: _schema(each) for name, each in described.get("properties", {}).items()},
            "additionalProperties": _schema(more) if more else False,
        }
    if kind == "array":
        return {"type": "array", "items": _schema(described["items"])}
    return {"type": kind} if kind in ("string", "boolean", "number", "integer") else {}
