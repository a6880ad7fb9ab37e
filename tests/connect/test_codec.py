"""The protobuf codec, with the stock flyte builder's messages and with invalid ones."""

import pytest
from flyteidl2.common import identifier_pb2  # type: ignore[import-untyped]
from flyteidl2.imagebuilder import definition_pb2, payload_pb2  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from boatyard.api.connect import (
    GetImageRequest,
    GetImageResponse,
    ImageIdentifier,
    ImageMessage,
    ImageServiceCodec,
    ProjectIdentifier,
)
from boatyard.errors import BoatyardError
from boatyard_connect import ProtobufCodec

CODEC: ImageServiceCodec = ProtobufCodec()
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, TEXT, TEXT, TEXT)
def test_a_request_of_the_sdk_is_read(name: str, organization: str, project: str, domain: str) -> None:
    message = payload_pb2.GetImageRequest(
        id=definition_pb2.ImageIdentifier(name=name),
        organization=organization,
        project_id=identifier_pb2.ProjectIdentifier(name=project, domain=domain),
    )
    assert CODEC.decode_request(message.SerializeToString()) == GetImageRequest(
        id=ImageIdentifier(name=name),
        organization=organization,
        project_id=ProjectIdentifier(name=project, domain=domain),
    )


@given(TEXT, TEXT)
def test_an_answer_is_read_by_the_sdk(name: str, fqin: str) -> None:
    answer = GetImageResponse(image=ImageMessage(id=ImageIdentifier(name=name), fqin=fqin))
    message = payload_pb2.GetImageResponse.FromString(CODEC.encode_response(answer))
    assert (message.image.id.name, message.image.fqin) == (name, fqin)


@given(st.binary())
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    try:
        CODEC.decode_request(data)
    except BoatyardError as error:
        assert error.code == "INVALID_SPEC"


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x0a\x03\x0a\x01\xff", b"{}"])
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(BoatyardError) as refused:
        CODEC.decode_request(data)
    assert refused.value.code == "INVALID_SPEC"


def test_unknown_fields_are_let_pass() -> None:
    known = payload_pb2.GetImageRequest(id=definition_pb2.ImageIdentifier(name="image:1")).SerializeToString()
    assert CODEC.decode_request(known + b"\x9a\x06\x03new").id.name == "image:1"
    assert CODEC.decode_request(b"") == GetImageRequest()
