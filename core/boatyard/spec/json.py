"""Converts specs from and to JSON documents."""

import re
from typing import Any

import msgspec

from boatyard.decoding import Undecodable, convert
from boatyard.errors import invalid
from boatyard.spec.check import check_layer, check_spec
from boatyard.spec.messages import ImageSpec, Layer, LayerDocument, PipOptions, SpecDocument, kind_of


def parse_spec(document: object, *, field: str = "spec") -> ImageSpec:
    """Converts a decoded JSON document to a spec. Raises INVALID_SPEC with the field."""
    return check_spec(read_spec(document, field=field), field=field)


def read_spec(document: object, *, field: str = "spec") -> SpecDocument:
    """Checks the types and amounts of a decoded JSON document. Raises INVALID_SPEC with the field."""
    try:
        return convert(document, SpecDocument)
    except Undecodable as error:
        found = re.match(r"layers\[(\d+)\]", error.path)
        place = f"{field}.{error.path}" if error.path else field
        raise invalid(error.reason, field=place, layer_index=int(found[1]) if found else None) from None


def spec_document(spec: ImageSpec) -> dict[str, Any]:
    """The inverse of `parse_spec`: the proto3 JSON document, without defaults."""
    document: dict[str, Any] = {
        "baseImage": spec.base_image,
        "pythonVersion": spec.python_version,
        "layers": [layer_document(layer) for layer in spec.layers],
        "platform": list(spec.platform),
        "dockerfile": spec.dockerfile,
        "dockerfileEncoding": "" if spec.dockerfile_encoding == "utf-8" else spec.dockerfile_encoding,
        "buildArgs": spec.build_args,
        "targetStage": spec.target_stage,
    }
    return {name: value for name, value in document.items() if value}


def parse_layer(document: object, *, field: str = "layer") -> Layer:
    """The inverse of `layer_document`. Raises INVALID_SPEC."""
    try:
        found = convert(document, LayerDocument)
    except Undecodable as error:
        raise invalid(error.reason, field=f"{field}.{error.path}") from None
    return check_layer(found, field, 0)


def layer_document(layer: Layer) -> dict[str, Any]:
    """A layer in the spec's JSON form."""
    return {kind_of(layer): _without_defaults(layer)}


def _without_defaults(message: msgspec.Struct) -> dict[str, Any]:
    """Drops fields with default values, as in proto3 JSON."""
    out: dict[str, Any] = {}
    for info in msgspec.structs.fields(message):
        value = getattr(message, info.name)
        if value in ("", (), False) or (isinstance(value, PipOptions) and value == PipOptions()):
            continue
        if isinstance(value, msgspec.Struct):
            value = _without_defaults(value)
        elif isinstance(value, tuple):
            value = [_without_defaults(item) if isinstance(item, msgspec.Struct) else item for item in value]
        if info.name == "mount_requirement" and value == "ANY":
            continue
        out[info.encode_name] = value
    return out
