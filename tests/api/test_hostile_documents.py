"""Endlessly nested documents, and values that JSON cannot hold, are refused with a typed error."""

import gzip

import msgspec
import pytest
from flyteidl2.imagebuilder import payload_pb2

from boatyard.api import Request
from boatyard.decoding import Undecodable, convert, decode_json
from tests.api.site import SETTINGS, SPEC, Site

GET_IMAGE = "/flyteidl2.imagebuilder.ImageService/GetImage"
DEEP = 200_000
NESTED = [b"[" * DEEP, b'{"a":' * DEEP, b'{"x":' + b"[" * DEEP + b"]" * DEEP + b"}", b'{"spec":' * DEEP]
OPERATIONS = [
    ("POST", "/v1/plans"),
    ("POST", "/v1/contexts"),
    ("POST", "/v1/builds"),
    ("PUT", "/v1/secrets/name"),
    ("POST", GET_IMAGE),
]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("body", NESTED, ids=["lists", "objects", "unknown field", "known field"])
def test_a_body_that_nests_without_end_is_a_bad_request(method: str, path: str, body: bytes) -> None:
    response = Site().send(method, path, body)
    assert response.status == 400
    assert msgspec.json.decode(response.body)["code"] in ("INVALID_SPEC", "invalid_argument")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize(
    "body",
    [
        b'{"spec": NaN, "id": NaN, "size": NaN, "kind": NaN}',
        b'{"spec": 1e400, "id": 1e400, "size": 1e400, "kind": 1e400}',
        b'{"spec": "\\ud800", "id": {"name": "\\ud800"}, "sha256": "\\ud800", "kind": "\\ud800"}',
        b'{"spec": "\xff", "id": {"name": "\xff"}, "sha256": "\xff", "kind": "\xff"}',
        b'{"spec": ' + b"9" * 5000 + b', "id": ' + b"9" * 5000 + b', "size": ' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf{}" + b" " * 10 + b"{}",
        gzip.compress(b"{}"),
    ],
    ids=["NaN", "infinity", "surrogate", "not UTF-8", "huge number", "byte order mark", "gzip without a word of it"],
)
def test_what_json_has_no_room_for_is_a_bad_request(method: str, path: str, body: bytes) -> None:
    assert Site().send(method, path, body).status == 400


def test_protobuf_that_nests_without_end_is_a_bad_request() -> None:
    headers = {"content-type": "application/proto"}
    group = b"\x0b" * DEEP + b"\x0c" * DEEP
    message = b""
    for _ in range(2_000):  # a message within a message, each with its length before it
        length = len(message)
        prefix = bytearray()
        while length > 127:
            prefix.append(length & 127 | 128)
            length >>= 7
        message = b"\x0a" + bytes(prefix) + bytes([length]) + message
    for body in (group, message, b"\x0a\x02\x0a\xff", b"\x0a" * 100_000):
        request = Request(method="POST", path=GET_IMAGE, headers=headers, body=body)
        assert Site().api.handle(request).status in (400, 404)


def test_an_answer_is_never_as_large_as_its_request() -> None:
    site = Site()
    name = "x" * 1_000_000
    ask = payload_pb2.GetImageRequest()
    ask.id.name = name
    headers = {"content-type": "application/proto"}
    answers = [
        site.send("POST", "/v1/builds", {"spec": {**SPEC, "baseImage": "A" * 60_000}}),
        site.send("POST", "/v1/builds", {"spec": SPEC, "target": {"name": name}}),
        site.send("POST", "/v1/builds", {"spec": SPEC, "target": {"registry": name}}),
        site.send("POST", "/v1/builds", {"spec": SPEC, name: 1}),
        site.send("GET", f"/v1/builds/{name}"),
        site.send("GET", f"/v1/images/{name}"),
        site.send("POST", GET_IMAGE, {"id": {"name": name}}),
        site.api.handle(Request(method="POST", path=GET_IMAGE, headers=headers, body=ask.SerializeToString())),
    ]
    assert [answer.status for answer in answers if answer.status not in (400, 404)] == []
    assert max(len(answer.body) for answer in answers) < 10_000


@pytest.mark.parametrize("path", ["/v1/builds/\ud800", "/v1/images/\ud800", "/\ud800"])
def test_half_a_surrogate_pair_in_a_path_is_answered(path: str) -> None:
    response = Site().send("GET", path)
    assert response.status in (400, 404)
    msgspec.json.decode(response.body)


def test_of_equal_names_the_last_counts() -> None:
    body = msgspec.json.encode({"spec": SPEC})
    twice = b'{"project": "one", "project": "two", ' + body[1:]
    site = Site(SETTINGS)
    assert site.send("POST", "/v1/builds", twice).status == 202
    assert [build["project"] for build in site.ask("GET", "/v1/builds")[1]["builds"]] == ["two"]


def test_decoding_has_one_error() -> None:
    for body, words in ((b"{", "not JSON"), (b"\xff", "not JSON"), (b'{"x":' + b"[" * DEEP, "nested too deeply")):
        with pytest.raises(Undecodable, match=words):
            decode_json(body, dict)
    with pytest.raises(Undecodable) as caught:
        decode_json(b'{"a": "text"}', dict[str, int])
    assert (caught.value.reason, caught.value.path) == ("Expected `int`, got `str`", "[...]")
    nested: object = []
    for _ in range(5_000):
        nested = [nested]
    with pytest.raises(Undecodable):
        convert({"a": nested}, dict[str, int])


def test_a_refusal_quotes_no_value() -> None:
    for body in (
        {"kind": "hunter2", "value": "build"},
        {"kind": ["hunter2"], "value": "x"},
        {"kind": "build", "value": 5},
    ):
        response = Site().send("PUT", "/v1/secrets/name", body)
        assert response.status == 400 and b"hunter2" not in response.body
