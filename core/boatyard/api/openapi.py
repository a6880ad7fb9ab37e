"""Generates OpenAPI 3.1 from the table of operations."""

from functools import cache
from typing import Any

import msgspec

from boatyard.api import connect, messages
from boatyard.api.handlers import VERSION
from boatyard.api.operations import ALWAYS, OPERATIONS, WITH_BODY, Operation
from boatyard.errors import CODES

_REF = "#/components/schemas/{name}"


@cache
def describe() -> dict[str, Any]:
    """The document at /openapi.json."""
    kinds = [kind for op in OPERATIONS for kind in (op.body, *op.answers.values()) if kind is not None]
    kinds += [messages.Problem, connect.GetImageRequest, connect.GetImageResponse]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    by_type = {id(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        path = operation.path.replace("+}", "}")
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, by_type)
    paths[connect.PATH] = {"post": _connect(by_type)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Boatyard",
            "version": VERSION,
            "description": "Builds container images from Python specs. Errors are RFC 9457 problem documents.",
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(operation: Operation, by_type: dict[int, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in operation.pattern.groupindex
    ]
    parameters += [
        {"name": p.name, "in": "query", "schema": p.schema, "description": p.description} for p in operation.query
    ]
    if parameters:
        out["parameters"] = parameters
    if operation.body is not None:
        out["requestBody"] = {"required": True, "content": _content(by_type[id(operation.body)])}
    out["responses"] = {
        **{str(status): _answer(status, kind, by_type) for status, kind in operation.answers.items()},
        **_errors(operation, by_type),
    }
    return out


def _answer(status: int, kind: Any, by_type: dict[int, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"description": {200: "OK", 201: "Created", 202: "Accepted", 204: "Done"}[status]}
    if kind is not None:
        out["content"] = _content(by_type[id(kind)])
    if status == 202:
        out["headers"] = {"Location": {"schema": {"type": "string"}, "description": "The build."}}
    return out


def _errors(operation: Operation, by_type: dict[int, Any]) -> dict[str, Any]:
    codes = (*operation.errors, *ALWAYS, *(WITH_BODY if operation.body is not None else ()))
    statuses: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        statuses.setdefault(CODES[code].status, []).append(code)
    schema = by_type[id(messages.Problem)]
    return {
        str(status): {
            "description": ", ".join(names),
            "content": {"application/problem+json": {"schema": schema}},
            **({"headers": {"Retry-After": {"schema": {"type": "integer"}}}} if status in (429, 503) else {}),
        }
        for status, names in sorted(statuses.items())
    }


def _connect(by_type: dict[int, Any]) -> dict[str, Any]:
    error = {
        "type": "object",
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        "required": ["code"],
    }
    return {
        "operationId": connect.NAME,
        "summary": "For flyte's stock remote builder: whether <image>:<tag> exists.",
        "requestBody": {"required": True, "content": _content(by_type[id(connect.GetImageRequest)])},
        "responses": {
            "200": {"description": "OK", "content": _content(by_type[id(connect.GetImageResponse)])},
            "415": {"description": "Neither JSON nor protobuf"},
            **{
                str(status): {"description": f"A Connect error: {codes}", "content": _content(error)}
                for status, codes in connect.ERRORS.items()
            },
        },
    }


def _content(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
