"""The largest allowed requests of each kind, in their most expensive forms. `scale` makes them smaller."""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from boatyard.api import Request
from boatyard.spec import limits
from boatyard.validate import LONGEST_DOCKERFILE

PLANS, BUILDS = "/v1/plans", "/v1/builds"
GET_IMAGE: Final = "/flyteidl2.imagebuilder.ImageService/GetImage"
BODY: Final = 4 * 1024**2 - 1_000
"""Bytes: `limits.requestBytes`, less what is around a long value."""
BASE: Final[dict[str, Any]] = {"baseImage": "registry.example.com/python:3.12", "pythonVersion": "3.12"}
ARCHIVE: Final = b"an archive"
CONTEXT: Final[dict[str, Any]] = {"sha256": hashlib.sha256(ARCHIVE).hexdigest(), "size": len(ARCHIVE)}

Make = Callable[[float], Request]


def sent(method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: str) -> Request:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Request(method=method, path=path, query=query, headers={"content-type": kind}, body=data)


def order(*layers: dict[str, Any], path: str = BUILDS, **fields: Any) -> Request:
    return sent("POST", path, {"spec": {**BASE, "layers": list(layers)}, **fields})


def _words(text: str, total: int, longest: int) -> list[str]:
    """Repeats `text`, cut into words of at most `longest` characters, up to `total` characters."""
    return [(text * (longest // len(text) + 1))[:longest].rstrip(",.- ") for _ in range(max(total // longest, 1))]


def _pip(start: str, again: str, scale: float, end: str = "") -> Request:
    longest = 4_096
    body = start + again * ((longest - len(start) - len(end)) // len(again)) + end
    count = max(int(limits.PACKAGES_CHARACTERS * scale) // longest, 1)
    # Each package differs, so that nothing in between remembers it.
    packages = [f"p{number}{body}"[:longest] if not end else f"p{body}" for number in range(count)]
    return order(*[{"pipPackages": {"packages": packages[n::8]}} for n in range(8) if packages[n::8]])


def _arguments(text: str, scale: float) -> Request:
    total = int(limits.ARGUMENTS_CHARACTERS * scale)
    each = min(16_384, total)
    options = {"extraArgs": (text * (each // len(text) + 1))[: each - each % len(text)]}
    layer = {"pipPackages": {"packages": ["six"], "options": options, "secretMounts": [{"key": "A"}]}}
    return order(*[layer] * (total // each))


def _env(text: str, scale: float) -> Request:
    total = int(limits.CHARACTERS * scale) - 2_000
    each = 16_000
    value = (text * (each // len(text)))[:each]
    names = {f"V{number}": value for number in range(max(total // each, 1))}
    return order({"env": {"envVariables": names}})


def _commands(text: str, scale: float) -> Request:
    amount = max(int(limits.CHARACTERS * scale) // len(text), 1)
    cut = [text] * amount
    return order(*[{"commands": {"cmd": cut[n : n + 500]}} for n in range(0, amount, 500)][:120])


def _dockerfile(text: str, scale: float, *, path: str = PLANS, start: str = "FROM a\n") -> Request:
    amount = int((LONGEST_DOCKERFILE - len(start)) * scale) // len(text)
    return sent("POST", path, {"spec": {"dockerfile": start + text * amount}, "context": CONTEXT})


def _lines(unit: str, keyword: str, scale: float) -> Request:
    """Lines as long as BuildKit reads them, each full of `unit`."""
    line = keyword + unit * (int(60_000 * scale) // len(unit)) + "\n"
    return sent("POST", PLANS, {"spec": {"dockerfile": "FROM a\n" + line * 8}, "context": CONTEXT})


def _continued(unit: str, keyword: str, scale: float) -> Request:
    """One instruction of many lines."""
    line = unit * (1_000 // len(unit)) + "\\\n"
    text = f"FROM a\n{keyword}" + line * (int(520_000 * scale) // len(line)) + "a\n"
    return sent("POST", PLANS, {"spec": {"dockerfile": text}, "context": CONTEXT})


def _copies(scale: float) -> Request:
    layer = {"copyConfig": {"src": "a" + "*?[" * 1_300, "dst": "$A" * 100}}
    return order(*[layer] * int(110 * scale), context=CONTEXT)


def _trees(scale: float, length: int) -> Request:
    amount = min(int(10_000 * scale), int(BODY * scale) // (length + 80))
    trees = {f"{'d/' * (length // 2 - 8)}f{number:06}": "a" * 64 for number in range(amount)}
    return order({"copyConfig": {"src": "a", "dst": "."}}, context={**CONTEXT, "trees": trees})


def _mounts(scale: float, **fields: str) -> Request:
    mounts = [{"key": f"K{number}", "group": "g", **fields} for number in range(64)]
    return order(*[{"commands": {"cmd": ["true"], "secretMounts": mounts}}] * int(110 * scale))


def _every_command_every_secret(scale: float) -> Request:
    mounts = [{"key": f"K{number}"} for number in range(64)]
    return order({"commands": {"cmd": ["x"] * int(500 * scale), "secretMounts": mounts}})


def _docker_config(scale: float) -> Request:
    auths = {f"{number}.example": {"auth": "YTpi"} for number in range(int(1_500 * scale))}
    return sent("PUT", "/v1/secrets/pull", {"kind": "image_pull", "value": json.dumps({"auths": auths})})


def _get_image(scale: float, *, packed: bool = False, protobuf: bool = False) -> Request:
    name = "a" * int(BODY * scale) + ":v1"
    if protobuf:
        inner = b"\x0a" + _varint(len(name)) + name.encode()
        data = b"\x0a" + _varint(len(inner)) + inner
    else:
        data = json.dumps({"id": {"name": name}}).encode()
    headers = {"content-type": "application/proto" if protobuf else "application/json"}
    if packed:
        headers["content-encoding"] = "gzip"
        data = gzip.compress(data, 1)
    return Request(method="POST", path=GET_IMAGE, headers=headers, body=data)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _bomb(scale: float) -> Request:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return Request(method="POST", path=GET_IMAGE, headers=headers, body=gzip.compress(b" " * int(40 * BODY * scale), 1))


def _raw(unit: bytes, scale: float, path: str = BUILDS, start: bytes = b"") -> Request:
    return sent("POST", path, start + unit * (int((BODY - len(start)) * scale) // len(unit)))


_UNKNOWN: Final = b'{"id":{"name":"a:b"},"x":[' + b"0," * 10 + b"0],"
LARGEST: Final[dict[str, Make]] = {
    "specifiers": lambda s: _pip("a>=1", ",>=1", s),
    "extras": lambda s: _pip("a[b", ",b", s, "]"),
    "markers": lambda s: _pip("a; os_name=='a'", " and os_name=='a'", s),
    "nested markers": lambda s: _pip("a; ", "(", s),
    "long version": lambda s: _pip("a==1", ".1", s),
    "small packages": lambda s: order(
        *[{"pipPackages": {"packages": [f"a{n}" for n in range(int(500 * s))]}} for _ in range(10)]
    ),
    "apt packages": lambda s: order(
        *[{"aptPackages": {"packages": ["a b " * 500] * int(6 * s)}} for _ in range(10)],
    ),
    "package URLs": lambda s: _pip("@ https://x", "://y@", s),
    "extraArgs of variables": lambda s: _arguments("$A ", s),
    "extraArgs, one word": lambda s: _arguments("$A", s),
    "extraArgs of quotes": lambda s: _arguments("''", s),
    "extraArgs of backslashes": lambda s: _arguments("\\a", s),
    "extraArgs of URLs": lambda s: _arguments("://", s),
    "env of line ends": lambda s: _env("\n", s),
    "env of variables": lambda s: _env("$A", s),
    "env of open braces": lambda s: _env("${", s),
    "env of backslashes": lambda s: _env("\\", s),
    "env of quotes": lambda s: _env('"', s),
    "many variables": lambda s: order(
        *[{"env": {"envVariables": {f"V{n}": "x" for n in range(int(1_000 * s))}}}] * 40,
    ),
    "long commands": lambda s: _commands("'\"\\\n" * 2_000, s),
    "many commands": lambda s: _commands("true", s / 5),
    "secrets of many layers": _mounts,
    "secret files of many layers": lambda s: _mounts(s, mountPath="/a/b/c"),
    "every command with every secret": _every_command_every_secret,
    "projects": lambda s: order(
        *[{"uvProject": {"pyproject": "src/" + "a/" * 1_000 + "b", "sourceDir": "src", "uvlock": "src/uv.lock"}}]
        * int(110 * s),
        context=CONTEXT,
    ),
    "build arguments": lambda s: sent(
        "POST",
        PLANS,
        {
            "spec": {
                "dockerfile": "FROM a\n" + "".join(f"ARG A{n}\n" for n in range(int(1_000 * s))) + "COPY $A1 /\n",
                "buildArgs": {f"A{n}": "$A" * 100 for n in range(int(1_000 * s))},
            }
        },
    ),
    "copies of patterns": _copies,
    "many trees": lambda s: _trees(s, 60),
    "long trees": lambda s: _trees(s, 4_000),
    "many layers": lambda s: order(*[{"workdir": {"workdir": "/a$B"}}] * int(120 * s)),
    "too many layers": lambda s: order(*[{"workdir": {"workdir": "/"}}] * int(1_000 * s)),
    "too many mounts": lambda s: order({"commands": {"cmd": ["x"], "secretMounts": [{"key": "A"}] * int(150_000 * s)}}),
    "too many specifiers": lambda s: order(
        *[{"pipPackages": {"packages": ["a>=1" + ",>=1" * 15_000]}}] * int(60 * s),
    ),
    "Dockerfile of FROM": lambda s: _dockerfile("FROM a AS b\n", s),
    "Dockerfile of FROM built": lambda s: _dockerfile("FROM a AS b\n", s, path=BUILDS),
    "Dockerfile of stages": lambda s: _dockerfile("COPY --from=a b c\n", s),
    "Dockerfile of RUN": lambda s: _dockerfile("RUN a\n", s),
    "Dockerfile of mounts": lambda s: _dockerfile("RUN --mount=type=secret,id=a --mount=type=cache,target=/a b\n", s),
    "Dockerfile of continued lines": lambda s: _dockerfile("a \\\n", s, start="FROM a\nRUN "),
    "Dockerfile of comments in a step": lambda s: _dockerfile("# a\n", s, start="FROM a\nRUN a \\\n"),
    "Dockerfile of heredocs": lambda s: _dockerfile("RUN <<A <<B\na\nA\nb\nB\n", s),
    "Dockerfile of a heredoc": lambda s: _dockerfile("$A a\n", s, start="FROM a\nCOPY <<A /a\n"),
    "Dockerfile of open heredocs": lambda s: _dockerfile("COPY <<A /a\n", s),
    "Dockerfile of variables": lambda s: _dockerfile("ARG A=$A${A:-b}\n", s),
    "Dockerfile of environments": lambda s: _dockerfile("ENV A=$A$A\n", s),
    "Dockerfile of growing variables": lambda s: _dockerfile(
        "ARG A=$A$A$A$A$A$A$A$A$A$A\n", s, start="ARG A=a\nFROM a\n"
    ),
    "Dockerfile of growing FROM": lambda s: _dockerfile("ARG A=$A$A$A$A\n", s / 100, start="ARG A=a\n"),
    "Dockerfile of kept variables": lambda s: _dockerfile(
        "ARG B=b$A\nARG C=c$A\n", s, start="FROM a\nARG Z=" + "z" * 50_000 + "\nARG A=" + "$Z" * 20 + "\n"
    ),
    "Dockerfile of many kept variables": lambda s: sent(
        "POST",
        PLANS,
        {
            "spec": {
                "dockerfile": "FROM a\nARG Z="
                + "z" * 50_000
                + "\nARG A="
                + "$Z" * 20
                + "\n"
                + "".join(f"ARG B{number}=b$A\n" for number in range(int(1_900 * s)))
            }
        },
    ),
    "Dockerfile of directives": lambda s: _dockerfile("# escape=`\n", s, start=""),
    "Dockerfile of empty lines": lambda s: _dockerfile("\n", s, start=""),
    "Dockerfile of ONBUILD": lambda s: _dockerfile("ONBUILD RUN a\n", s),
    "Dockerfile of copies": lambda s: _dockerfile("COPY a b\n", s),
    "Dockerfile of copies of patterns": lambda s: _dockerfile("COPY **/a*?[b]/** b\n", s),
    "Dockerfile of copies between stages": lambda s: _dockerfile("FROM a AS b\nCOPY --from=b a b\n", s),
    "Dockerfile of mounts, lines": lambda s: _lines("--mount=type=cache,id=a,target=/a ", "RUN ", s),
    "Dockerfile of mounts, continued": lambda s: _continued("--mount=type=cache,id=a,target=/a ", "RUN ", s),
    "Dockerfile of heredoc words, lines": lambda s: _lines("<<A ", "RUN ", s),
    "Dockerfile of heredoc words, continued": lambda s: _continued("<<A ", "RUN ", s),
    "Dockerfile of open variables, lines": lambda s: _lines("${A:-", "ENV A=", s),
    "Dockerfile of open variables, continued": lambda s: _continued("${A:-", "ENV A=", s),
    "Dockerfile of variables, lines": lambda s: _lines("$A", "ENV A=", s),
    "Dockerfile of variables, continued": lambda s: _continued("$A", "ENV A=", s),
    "Dockerfile of quotes, lines": lambda s: _lines("'\"", "ENV A=", s),
    "Dockerfile of quotes, continued": lambda s: _continued("'\"", "ENV A=", s),
    "Dockerfile of backslashes, lines": lambda s: _lines("\\", "ENV A=", s),
    "Dockerfile of backslashes, continued": lambda s: _continued("\\", "ENV A=", s),
    "Dockerfile of pairs, lines": lambda s: _lines("a=b ", "ENV ", s),
    "Dockerfile of pairs, continued": lambda s: _continued("a=b ", "ENV ", s),
    "Dockerfile of JSON, lines": lambda s: _lines("[", "RUN ", s),
    "Dockerfile of JSON, continued": lambda s: _continued("[", "RUN ", s),
    "Dockerfile of spaces, lines": lambda s: _lines(" ", "FROM ", s),
    "Dockerfile of spaces, continued": lambda s: _continued(" ", "FROM ", s),
    "Dockerfile of flags, lines": lambda s: _lines("--a ", "FROM ", s),
    "Dockerfile of flags, continued": lambda s: _continued("--a ", "FROM ", s),
    "Dockerfile of sources, lines": lambda s: _lines("a/*?[b]/c ", "COPY ", s),
    "Dockerfile of sources, continued": lambda s: _continued("a/*?[b]/c ", "COPY ", s),
    "Dockerfile of nested ONBUILD, lines": lambda s: _lines("ONBUILD ", "ONBUILD ", s),
    "Dockerfile of nested ONBUILD, continued": lambda s: _continued("ONBUILD ", "ONBUILD ", s),
    "image by its name in JSON": _get_image,
    "image by its name in protobuf": lambda s: _get_image(s, protobuf=True),
    "image by its name, packed": lambda s: _get_image(s, packed=True),
    "gzip bomb": _bomb,
    "unknown fields": lambda s: _raw(b'"a":{"b":[]},', s, GET_IMAGE, _UNKNOWN),
    "white space": lambda s: _raw(b" ", s, start=b"{"),
    "open lists": lambda s: _raw(b"[", s),
    "equal names": lambda s: _raw(b'"project":"a",', s, start=b"{"),
    "escapes": lambda s: _raw(b"\\u0041", s, start=b'{"project":"'),
    "Docker config": _docker_config,
    "nested Docker config": lambda s: sent(
        "PUT", "/v1/secrets/pull", {"kind": "image_pull", "value": '{"auths":' + "[" * int(65_000 * s)}
    ),
    "long path": lambda s: sent("GET", "/v1/images/" + "a/" * int(1_000 * s)),
    "path of dashes": lambda s: sent("GET", "/v1/images/a" + "-" * int(2_000 * s) + "!"),
    "path of labels": lambda s: sent("GET", "/v1/images/" + "a." * int(1_000 * s) + "!/b"),
    "variables that refer to each other": lambda s: order(
        {"env": {"envVariables": {f"V{n}": "".join(f"$V{m}" for m in range(60)) for n in range(int(1_000 * s))}}}
    ),
    "page token": lambda s: sent("GET", "/v1/builds", pageToken="9" * int(2_000 * s)),
    "wait": lambda s: sent("GET", "/v1/builds/a", wait="1" * int(2_000 * s)),
    "registry": lambda s: order(target={"registry": "a-" * int(250 * s) + "!", "name": "a"}),
    "base64 secret": lambda s: sent(
        "PUT",
        "/v1/secrets/pull",
        {
            "kind": "image_pull",
            "value": json.dumps({"auths": {"a": {"auth": base64.b64encode(b"x" * int(40_000 * s)).decode()}}}),
        },
    ),
}
