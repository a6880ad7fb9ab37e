"""Serves `ImageService/GetImage` for flyte's stock remote builder: Connect unary, JSON or protobuf.

https://connectrpc.com/docs/protocol#unary-request. The name is `<image>:<tag>` in the deployment's default
repository. The tag is the caller's own; images by Boatyard's keys are found with POST /v1/builds. flyte's client
compresses its message.
"""

import zlib
from typing import Final, Protocol

import msgspec

from boatyard import target as targets
from boatyard.api.http import Request, Response
from boatyard.api.problem import quotable
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code, invalid
from boatyard.policy import allow, check_scope
from boatyard.ports import Scope
from boatyard.service import Service
from boatyard.target import Target

NAME = "getImage"
PATH = "/flyteidl2.imagebuilder.ImageService/GetImage"
_ENCODINGS: Final = ("", "identity", "gzip")
_GZIP: Final = 16 + zlib.MAX_WBITS
_CODES: Final = {400: "invalid_argument", 401: "unauthenticated", 403: "permission_denied", 404: "not_found"}
ERRORS: Final = {
    400: "invalid_argument, failed_precondition",
    401: "unauthenticated",
    403: "permission_denied",
    404: "not_found",
    501: "unimplemented",
    503: "unavailable",
}
"""HTTP status of an error -> the Connect codes that it is sent with."""


class ImageServiceCodec(Protocol):
    """The protobuf form of the messages below (`flyteidl2.imagebuilder`, payload.proto)."""

    def decode_request(self, data: bytes) -> "GetImageRequest": ...

    def encode_response(self, response: "GetImageResponse") -> bytes: ...


class _Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class ImageIdentifier(_Message, frozen=True, kw_only=True):
    name: str = ""


class ProjectIdentifier(_Message, frozen=True, kw_only=True):
    organization: str = ""
    domain: str = ""
    name: str = ""


class GetImageRequest(_Message, frozen=True, kw_only=True):
    id: ImageIdentifier = ImageIdentifier()
    organization: str = ""
    project_id: ProjectIdentifier = ProjectIdentifier()


class ImageMessage(_Message, frozen=True, kw_only=True):
    id: ImageIdentifier
    fqin: str


class GetImageResponse(_Message, frozen=True, kw_only=True):
    image: ImageMessage


def get_image(request: Request, service: Service, codec: ImageServiceCodec | None) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST":
        return Response(status=405, headers={"allow": "POST"})
    if kind not in ("application/json", "application/proto") or (kind == "application/proto" and codec is None):
        return Response(status=415, headers={"accept-post": "application/json, application/proto"})
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        return _refusal(501, "unimplemented", f"unknown compression {encoding!r}: supported encodings are gzip")
    try:
        body = _inflated(request.body, service.settings.limits.request_bytes) if encoding == "gzip" else request.body
        ask = _decode(body, codec if kind == "application/proto" else None)
        answer = _find(ask, service)
    except BoatyardError as error:
        return refuse(error)
    body = codec.encode_response(answer) if kind == "application/proto" and codec else msgspec.json.encode(answer)
    return Response(status=200, body=body, headers={"content-type": kind})


def _inflated(data: bytes, most: int) -> bytes:
    """Decompresses at most `most` bytes. Raises INVALID_SPEC or CONTEXT_TOO_LARGE."""
    gzip = zlib.decompressobj(_GZIP)
    try:
        body = gzip.decompress(data, most + 1)
    except zlib.error:
        raise invalid("the body is not gzip, although its content-encoding is") from None
    if len(body) > most:
        raise BoatyardError(Code.CONTEXT_TOO_LARGE, f"the request is larger than {most:,} bytes when it is unpacked")
    if data and not gzip.eof:
        raise invalid("the body's gzip ends too early")
    return body


def _decode(data: bytes, codec: ImageServiceCodec | None) -> GetImageRequest:
    if codec is not None:
        return codec.decode_request(data)
    try:
        return decode_json(data or b"{}", GetImageRequest)
    except Undecodable as error:
        raise invalid(f"the body: {error.reason}", field=error.path or None) from None


def _find(ask: GetImageRequest, service: Service) -> GetImageResponse:
    if ask.project_id.name or ask.project_id.domain:
        scope = check_scope(Scope(ask.project_id.name, ask.project_id.domain))
        allow(service.settings.access, scope)
    name, colon, tag = ask.id.name.partition(":")
    if not colon or not tag:
        raise invalid(f"{ask.id.name!r} is not <image>:<tag>", field="id.name")
    settings = service.settings
    reference = targets.reference(
        Target(name=name), settings.default_repository, tag, layout=settings.repository_layout
    )
    checked = type(reference).parse(str(reference), field="id.name")
    found = service.find_image(checked)
    return GetImageResponse(image=ImageMessage(id=ask.id, fqin=found.image.reference))


def refuse(error: BoatyardError) -> Response:
    """The error in Connect's format, with the HTTP status that the protocol assigns to its code."""
    status = error.meaning.status
    code = _CODES.get(status, "unavailable" if error.meaning.retryable else "failed_precondition")
    http = {"unavailable": 503, "failed_precondition": 400}.get(code, status)
    return _refusal(http, code, error.detail)


def _refusal(status: int, code: str, message: str) -> Response:
    body = msgspec.json.encode({"code": code, "message": quotable(message)})
    return Response(status=status, body=body, headers={"content-type": "application/json"})
