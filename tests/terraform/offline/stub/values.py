"""Converts values between Terraform and a provider: msgpack, with a marker for unknown values."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
from tf.gen import tfplugin_pb2 as pb

UNKNOWN = msgpack.ExtType(0, b"\x00")


def decode(value: pb.DynamicValue) -> Any:
    return msgpack.unpackb(value.msgpack, strict_map_key=False, ext_hook=msgpack.ExtType) if value.msgpack else None


def encode(value: Any) -> pb.DynamicValue:
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def of_json(state: dict[str, Any], block: dict[str, Any]) -> dict[str, Any]:
    """Converts a stored state to a value. A value of any type includes its type in both, in different forms."""
    for name, attribute in block["a"].items():
        if attribute.get("t") == "dynamic" and state.get(name) is not None:
            state[name] = [json.dumps(state[name]["type"]).encode(), state[name]["value"]]
    return state


def plan(value: Any, block: dict[str, Any]) -> Any:
    """Plans a resource: values that the provider decides are unknown until the apply."""
    return _computed(value, block, lambda name, attribute: UNKNOWN, lambda current: current is None)


def apply(value: Any, block: dict[str, Any]) -> Any:
    """Applies a resource: unknown values are invented."""
    return _computed(value, block, _made_up, lambda current: isinstance(current, msgpack.ExtType))


def read(value: Any, block: dict[str, Any]) -> Any:
    """Reads a data source: its values are invented."""
    return _computed(value, block, _made_up, lambda current: current is None)


def _computed(
    value: Any,
    block: dict[str, Any],
    make: Callable[[str, dict[str, Any]], Any],
    missing: Callable[[Any], bool],
) -> Any:
    if not isinstance(value, dict):
        return value
    for name, attribute in block["a"].items():
        if attribute["c"] and missing(value.get(name)):
            value[name] = make(name, attribute)
    for name, nested in block["b"].items():
        for item in _items(value.get(name)):
            _computed(item, nested["block"], make, missing)
    return value


def _items(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else (value,)


def _made_up(name: str, attribute: dict[str, Any]) -> Any:
    if "t" in attribute:
        return _of_type(name, attribute["t"])
    block = attribute["block"]
    none = {"single": None, "map": {}}
    item = {
        **{inner: _made_up(inner, value) for inner, value in block["a"].items()},
        **{inner: none.get(value["nesting"], []) for inner, value in block["b"].items()},
    }
    return {"single": item, "map": {}}.get(attribute["nested"], [item])


def _of_type(name: str, kind: Any) -> Any:
    """Invents a value of the type. A list of objects has one element, so that references to the first work."""
    if isinstance(kind, str):
        return {"string": f"stub-{name}", "number": 0, "bool": False}.get(kind)
    container, inner = kind
    if container == "object":
        return {each: _of_type(each, value) for each, value in inner.items()}
    if container == "map":
        return {}
    return [_of_type(name, inner)] if inner[0] == "object" else []
