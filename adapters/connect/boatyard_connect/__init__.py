"""The protobuf form of the flyte ImageService's messages."""

from boatyard_connect.codec import ProtobufCodec

__all__ = ["ProtobufCodec"]
