"""Specs are the proto3 JSON of flyteidl2's ImageSpec, and nothing else."""

from typing import Any, get_args

import msgspec
import pytest
from flyteidl2.imagebuilder import definition_pb2 as pb
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given

from boatyard.errors import BoatyardError
from boatyard.spec import (
    AptPackages,
    Layer,
    LayerDocument,
    PipPackages,
    PoetryProject,
    Requirements,
    SpecDocument,
    UVProject,
    parse_spec,
    spec_document,
)
from boatyard.spec.messages import kinds
from tests.core.orders import BASE, specs

OURS = {"dockerfile", "dockerfileEncoding", "buildArgs", "targetStage"}


def test_every_type_of_layer_has_a_kind_and_a_field() -> None:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(LayerDocument)}
    assert set(kinds()) == set(fields)
    assert {kind for field in fields.values() for kind in get_args(field)} == {*get_args(Layer), type(None)}


def test_field_names_are_those_of_the_published_message() -> None:
    def names(message: type) -> set[str]:
        return {field.json_name for field in message.DESCRIPTOR.fields}  # type: ignore[attr-defined]

    assert set(SpecDocument.__struct_encode_fields__) == names(pb.ImageSpec) | OURS
    assert set(LayerDocument.__struct_encode_fields__) == names(pb.Layer) | {"uvScript"}
    assert set(AptPackages.__struct_encode_fields__) == names(pb.AptPackages)
    assert set(UVProject.__struct_encode_fields__) == names(pb.UVProject)
    for ours, theirs in (
        (PipPackages, pb.PipPackages),
        (Requirements, pb.Requirements),
        (PoetryProject, pb.PoetryProject),
    ):
        assert set(ours.__struct_encode_fields__) == names(theirs) | {"sourceDir"}


@given(specs)
def test_our_json_is_read_by_protobuf_and_protobufs_by_us(document: dict[str, Any]) -> None:
    spec = parse_spec(document)
    message = ParseDict(spec_document(spec), pb.ImageSpec())
    theirs = MessageToDict(message)
    again = parse_spec(theirs)
    # A protobuf map has no order; everything else survives the way there and back.
    assert str(again).split("env_variables")[0] == str(spec).split("env_variables")[0]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ("nothing", "spec"),
        ({}, "spec.baseImage"),
        ({**BASE, "colour": "red"}, "spec"),
        ({**BASE, "pythonVersion": "3"}, "spec.pythonVersion"),
        ({**BASE, "pythonVersion": "3.12; rm -rf /"}, "spec.pythonVersion"),
        ({**BASE, "layers": [{}]}, "spec.layers[0]"),
        ({**BASE, "layers": [{"aptPackages": {}, "commands": {}}]}, "spec.layers[0]"),
        ({**BASE, "layers": [{"aptPackages": {"packages": "git"}}]}, "spec.layers[0].aptPackages.packages"),
        ({**BASE, "layers": [{"aptPackages": {"package": ["git"]}}]}, "spec.layers[0].aptPackages"),
        ({**BASE, "layers": [{"condaPackages": {}}]}, "spec.layers[0]"),
        ({**BASE, "dockerfile": "FROM x"}, "spec"),
        ({**BASE, "baseImage": "\ud800"}, "spec.baseImage"),
    ],
)
def test_what_is_wrong_is_named(document: object, field: str) -> None:
    with pytest.raises(BoatyardError) as refused:
        parse_spec(document)
    assert refused.value.code == "INVALID_SPEC"
    assert refused.value.field == field
    assert refused.value.detail


def test_an_unknown_platform_is_unsupported() -> None:
    with pytest.raises(BoatyardError) as refused:
        parse_spec({**BASE, "platform": ["windows/amd64"]})
    assert refused.value.code == "UNSUPPORTED"
