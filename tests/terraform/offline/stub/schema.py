"""Converts the compact schema files to the form of Terraform's plugin protocol.

A block is {"a": attributes, "b": blocks}. An attribute is {"t": type, "r", "o", "c"} (required, optional,
computed), or nested: {"nested": mode, "block": …} instead of "t".
"""

import json
from typing import Any

from tf.gen import tfplugin_pb2 as pb

MODES = {"single": 1, "list": 2, "set": 3, "map": 4}


def block(source: dict[str, Any], *, without: frozenset[str] = frozenset()) -> pb.Schema.Block:
    return pb.Schema.Block(
        attributes=[_attribute(name, value) for name, value in source["a"].items() if name not in without],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                nesting=MODES[value["nesting"]],
                min_items=value["min"],
                max_items=value["max"],
                block=block(value["block"]),
            )
            for name, value in source["b"].items()
        ],
    )


def _attribute(name: str, source: dict[str, Any]) -> pb.Schema.Attribute:
    flags = {"required": source["r"], "optional": source["o"], "computed": source["c"]}
    if not any(flags.values()):
        flags["optional"] = True
    if "nested" in source:
        inner = source["block"]
        attributes = [_attribute(key, value) for key, value in inner["a"].items()]
        attributes += [_attribute(key, _as_attribute(value)) for key, value in inner["b"].items()]
        nested = pb.Schema.Object(attributes=attributes, nesting=MODES[source["nested"]])
        return pb.Schema.Attribute(name=name, nested_type=nested, **flags)
    return pb.Schema.Attribute(name=name, type=json.dumps(source["t"]).encode(), **flags)


def _as_attribute(nested: dict[str, Any]) -> dict[str, Any]:
    needed = nested["min"] > 0
    return {"nested": nested["nesting"], "block": nested["block"], "r": needed, "o": not needed, "c": False}
