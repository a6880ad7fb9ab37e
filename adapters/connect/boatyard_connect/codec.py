"""Converts `flyteidl2.imagebuilder` payloads to the core's messages and back.

Only this module uses flyteidl2's generated classes, so nothing else in the server needs protobuf.
"""

from flyteidl2.imagebuilder import definition_pb2, payload_pb2  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from boatyard.api.connect import (
    GetImageRequest,
    GetImageResponse,
    ImageIdentifier,
    ProjectIdentifier,
)
from boatyard.errors import invalid


class ProtobufCodec:
    """Implements `boatyard.api.connect.ImageServiceCodec`."""

    def decode_request(self, data: bytes) -> GetImageRequest:
        """Raises INVALID_SPEC for bytes that are not a GetImageRequest. Unknown fields are ignored, as usual in
        protobuf: a newer SDK may send some."""
        try:
            message = payload_pb2.GetImageRequest.FromString(data)
        except DecodeError:
            raise invalid("the body is not a flyteidl2.imagebuilder.GetImageRequest") from None
        project = message.project_id
        return GetImageRequest(
            id=ImageIdentifier(name=message.id.name),
            organization=message.organization,
            project_id=ProjectIdentifier(organization=project.organization, domain=project.domain, name=project.name),
        )

    def encode_response(self, response: GetImageResponse) -> bytes:
        image = response.image
        message = payload_pb2.GetImageResponse(
            image=definition_pb2.Image(id=definition_pb2.ImageIdentifier(name=image.id.name), fqin=image.fqin)
        )
        return bytes(message.SerializeToString())
