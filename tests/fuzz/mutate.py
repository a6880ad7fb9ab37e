"""Introduces a few errors into a valid request. All choices come from one generator, so a seed reproduces them."""

import gzip
import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

import msgspec

from boatyard.api import Request

TEXTS: Final = (
    *(
        "",
        " ",
        "\0",
        "\n",
        "\r\n",
        "\t",
        "\x7f",
        "'",
        '"',
        "\\",
        "`",
        "$",
        "$A",
        "${A}",
        "${",
        "$(id)",
        "`id`",
        ";id",
        "|",
    ),
    *("--", "-e", "--mount=type=secret,id=x", "<<EOF", "#", "# syntax=x", "FROM x", "RUN x", ",", "=", "a=b", "a,b=c"),
    *(
        "..",
        "../x",
        "/",
        "//",
        "/etc/passwd",
        "./",
        "a/../b",
        "a\\b",
        "*",
        "?",
        "[",
        "[a-z]",
        "{a,b}",
        "~",
        "%00",
        "%2e%2e/",
    ),
    *(
        "://u:p@h",
        "https://u:p@h/x",
        "git+https://t@h/x",
        "file:///etc/passwd",
        "é",
        "\u202e",
        "\ud800",
        "\ufeff",
        "😀",
    ),
    *(
        "a:b",
        "a@b",
        "sha256:" + "a" * 64,
        "a@sha256:" + "a" * 64,
        "localhost/x",
        "127.0.0.1:1/x",
        "[::1]:1/x",
        "a" * 300,
    ),
    *("x" * 5_000, "a." * 300, "a-" * 300, "0" * 400, "null", "true", "NaN", "-1", "1e999", "9" * 400, "linux/amd64"),
    *("a>=1,<2", "a[b]==1; os_name=='x'", "a @ https://x", "a;(", "_BOATYARD_NEWLINE", "${_BOATYARD_NEWLINE}"),
)
SCALARS: Final = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, 2**70, -(2**63), 1.5, 1e308, -0.0),
    *(float("nan"), float("inf"), [], {}, [[]], [{}], {"": ""}, [None], ["a"] * 50),
)
TYPES: Final = (
    "",
    "text/plain",
    "application/json; charset=x",
    "application/proto",
    "APPLICATION/JSON",
    "multipart/x",
    "\0",
)
ENCODINGS: Final = ("gzip", "GZIP", "identity", "br", "gzip, gzip", "deflate", "")
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "get", "", "X" * 100)
SEGMENTS: Final = (
    "v1",
    "builds",
    "plans",
    "contexts",
    "secrets",
    "images",
    "healthz",
    "openapi.json",
    "logs",
    "cancel",
    "",
)
_LARGE: Final = 20_000
"""Bytes of a body of which nothing is repeated: what is repeated twice would be gigabytes."""


def mutate(request: Request, random: Random) -> Request:
    """Makes one to four changes. One request in ten stays unchanged."""
    if random.random() < 0.1:
        return request
    for _ in range(random.choices((1, 2, 3, 4), (6, 3, 1, 1))[0]):
        change = random.choices((_document, _bytes, _path, _query, _headers, _method), (70, 8, 8, 6, 6, 2))[0]
        request = change(request, random)
    return request


def _document(request: Request, random: Random) -> Request:
    try:
        document = json.loads(request.body)
    except (ValueError, RecursionError):
        return _bytes(request, random)
    if not isinstance(document, dict | list):
        return _bytes(request, random)
    places = list(_places(document))
    if not places:
        return request
    holder, key = random.choice(places)
    changes: list[Callable[[Any, Any, Random], None]] = [
        _scalar,
        _text,
        _splice,
        _drop,
        _rename,
        _nest,
        _move,
        _unknown,
    ]
    if len(request.body) < _LARGE:
        changes.append(_repeat)
    change = random.choice(changes)
    change(holder, key, random)
    body = json.dumps(document, ensure_ascii=random.random() < 0.8).encode("utf-8", "surrogatepass")
    return msgspec.structs.replace(request, body=body)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with every key or index of it."""
    found: list[tuple[Any, Any]] = []
    left = [value]
    while left and len(found) < 2_000:
        holder = left.pop()
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        found += [(holder, key) for key in keys[:200]]
        left += [holder[key] for key in keys[:200] if isinstance(holder[key], dict | list)]
    return found


def _scalar(holder: Any, key: Any, random: Random) -> None:
    value = random.choice(SCALARS)
    holder[key] = value.copy() if isinstance(value, list | dict) else value


def _text(holder: Any, key: Any, random: Random) -> None:
    holder[key] = "".join(random.choices(TEXTS, k=random.randint(1, 3)))


def _splice(holder: Any, key: Any, random: Random) -> None:
    if isinstance(value := holder[key], str):
        at = random.randint(0, len(value))
        holder[key] = value[:at] + random.choice(TEXTS) + value[at + random.randint(0, 2) :]
    else:
        _text(holder, key, random)


def _drop(holder: Any, key: Any, random: Random) -> None:
    del holder[key]


def _rename(holder: Any, key: Any, random: Random) -> None:
    if isinstance(holder, dict):
        holder[random.choice((*TEXTS, key.upper(), key + "s"))] = holder.pop(key)


def _repeat(holder: Any, key: Any, random: Random) -> None:
    times = random.choice((2, 3, 70, 130, 600))
    if isinstance(holder, list):
        holder[key:key] = [holder[key]] * times
    elif isinstance(holder[key], str):
        holder[key] = holder[key][:2_000] * times
    else:
        holder[key] = [holder[key]] * times


def _nest(holder: Any, key: Any, random: Random) -> None:
    value = holder[key]
    for _ in range(random.choice((1, 2, 50, 150))):
        value = [value] if random.random() < 0.5 else {"a": value}
    holder[key] = value


def _move(holder: Any, key: Any, random: Random) -> None:
    other = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = holder[other], holder[key]


def _unknown(holder: Any, key: Any, random: Random) -> None:
    if isinstance(holder, dict):
        holder[random.choice(TEXTS) or "x"] = random.choice(SCALARS)
    else:
        holder.append(random.choice(TEXTS))


def _bytes(request: Request, random: Random) -> Request:
    body = bytearray(request.body)
    at = random.randint(0, len(body))
    match random.randint(0, 6):
        case 0:
            del body[at:]
        case 1:
            body[at:at] = random.randbytes(random.randint(1, 20))
        case 2 if body:
            body[min(at, len(body) - 1)] ^= 1 << random.randint(0, 7)
        case 3:
            body[at:at] = random.choice((b"[", b"{", b'{"a":')) * random.choice((10, 3_000, 30_000))
        case 4:
            body[at:at] = body[: random.randint(0, 200)]
        case 5:
            body = bytearray(gzip.compress(bytes(body), 1))
        case _:
            body[at:at] = random.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\0", b"\xef\xbb\xbf", b"NaN", b"//"))
    return msgspec.structs.replace(request, body=bytes(body))


def _path(request: Request, random: Random) -> Request:
    segments = request.path.split("/")
    at = random.randrange(len(segments))
    match random.randint(0, 3):
        case 0:
            segments[at] = random.choice(SEGMENTS)
        case 1:
            segments[at] += random.choice(TEXTS)
        case 2:
            segments.insert(at, random.choice((*SEGMENTS, *TEXTS)))
        case _:
            del segments[at]
    return msgspec.structs.replace(request, path="/".join(segments) or "/")


def _query(request: Request, random: Random) -> Request:
    names = ("wait", "cursor", "pageToken", "pageSize", "project", "domain", "state", "x")
    values = (*TEXTS, "0", "30", "31", "-1", "0.5", "1e3", "nan", "inf", "RUNNING", "running", "default", "500", "501")
    query = {**request.query, random.choice(names): random.choice(values)}
    return msgspec.structs.replace(request, query=query)


def _headers(request: Request, random: Random) -> Request:
    name, values = random.choice(
        (
            ("content-type", TYPES),
            ("content-encoding", ENCODINGS),
            ("host", ("evil.example", "", "localhost:8080", "127.0.0.1")),
            ("origin", ("null", "https://evil.example", "http://127.0.0.1:8080")),
            ("sec-fetch-site", ("cross-site", "none")),
            ("content-length", ("-1", "x", "9" * 30, "0", "")),
            ("authorization", ("Bearer x", "Bearer", "", "Basic a", "é", "Bearer " + "x" * 5_000)),
            ("transfer-encoding", ("chunked", "gzip")),
            ("x-" + random.choice(("a", "forwarded-for")), TEXTS),
        )
    )
    return msgspec.structs.replace(request, headers={**request.headers, name: random.choice(values)})


def _method(request: Request, random: Random) -> Request:
    return msgspec.structs.replace(request, method=random.choice(METHODS))
