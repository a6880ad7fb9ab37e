"""Values between Terraform and a provider: msgpack, with a mark for what is not known yet."""

from collections.abc import Callable, Iterator
from typing import Any

import msgpack
from tf.gen import tfplugin_pb2 as pb

UNKNOWN = msgpack.ExtType(0, b"\x00")


def decode(value: pb.DynamicValue) -> Any:
    return msgpack.unpackb(value.msgpack, strict_map_key=False, ext_hook=msgpack.ExtType) if value.msgpack else None


def encode(value: Any) -> pb.DynamicValue:
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def plan(value: Any, block: dict[str, Any]) -> Any:
    """What the provider decides is unknown until it is applied."""
    return _computed(value, block, lambda name, attribute: UNKNOWN, lambda current: current is None)


def apply(value: Any, block: dict[str, Any]) -> Any:
    """What was unknown gets a made-up value."""
    return _computed(value, block, _made_up, lambda current: isinstance(current, msgpack.ExtType))


def read(value: Any, block: dict[str, Any]) -> Any:
    """A data source answers with made-up values."""
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
    kind = attribute.get("t")
    plain = {"string": f"stub-{name}", "number": 0, "bool": False}
    if isinstance(kind, str):
        return plain.get(kind)
    if kind and kind[0] in ("list", "set"):
        return []
    return {} if kind else None
