"""AWS on loopback: moto's server, with documented behaviour of the API that moto lacks.

- Presigned S3 URLs are checked: signature, expiry, and the length and checksum that they sign.
- ECR returns blobs (GetDownloadUrlForLayer).
- Actions that moto simplifies too much are answered by `actions`, such as CodeBuild's (tests/aws/codebuild.py).
- A call can be made to fail as on AWS: throttled, denied or unanswered.
"""

import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # the example of AWS's own documentation
REGION = "eu-west-1"
ACCOUNT = "123456789012"

Environ = dict[str, Any]
Start = Callable[..., Any]


@dataclass
class Fault:
    action: str
    code: str
    status: int = 400
    times: int = 1
    after: int = 0
    """Calls that still go well."""


Action = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


@dataclass
class Cloud:
    url: str = ""
    actions: dict[str, Action] = field(default_factory=dict)
    ahead: float = 0.0
    """Seconds by which S3's clock is ahead of ours."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def fail(self, action: str, code: str, *, status: int = 400, times: int = 10**6, after: int = 0) -> None:
        """`action` is `DescribeImages`, or `PUT /bucket/prefix` for S3."""
        self.faults.append(Fault(action, code, status, times, after))

    def asked(self, action: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == action]

    def forget(self) -> None:
        self.actions.clear()
        self.ahead = 0.0
        self.blobs.clear()
        self.faults.clear()
        self.calls.clear()

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }


class Front:
    def __init__(self, cloud: Cloud, moto: Callable[[Environ, Start], Any] | None = None) -> None:
        self._cloud = cloud
        self._moto = moto or DomainDispatcherApplication(create_backend_app)
        self._one = threading.Lock()
        """moto checks a condition and writes in two steps: of two requests at the same time, both can win."""

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path.startswith("/blobs/"):
            blob = self._cloud.blobs.get(path.removeprefix("/blobs/"))
            start("200 OK" if blob else "404 Not Found", [("content-length", str(len(blob or b"")))])
            return [blob or b""]
        target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        parameters = _json_body(environ) if target else dict(parse_qsl(environ.get("QUERY_STRING", "")))
        name = target or f"{method} {path}"
        if not path.startswith("/moto-api"):
            self._cloud.calls.append((name, parameters))
        if fault := self._fault(name):
            return _refuse(start, fault.status, fault.code, json_protocol=bool(target))
        if action := self._cloud.actions.get(name):
            status, answer = action(parameters)
            body = json.dumps(answer).encode()
            start(f"{status} X", [("content-type", "application/x-amz-json-1.1"), ("content-length", str(len(body)))])
            return [body]
        if target == "GetDownloadUrlForLayer" and parameters["layerDigest"] in self._cloud.blobs:
            digest = parameters["layerDigest"]
            body = json.dumps({"downloadUrl": f"{self._cloud.url}/blobs/{digest}", "layerDigest": digest}).encode()
            start("200 OK", [("content-type", "application/x-amz-json-1.1"), ("content-length", str(len(body)))])
            return [body]
        if "X-Amz-Signature" in environ.get("QUERY_STRING", "") and (
            code := presigned_fault(environ, self._cloud.ahead)
        ):
            return _refuse(start, 400 if code == "BadDigest" else 403, code, json_protocol=False)
        if "CONTENT_LENGTH" in environ:
            _body(environ)  # a slow client makes only itself wait
        with self._one:
            return self._moto(environ, start)  # type: ignore[no-any-return]

    def _fault(self, name: str) -> Fault | None:
        for fault in self._cloud.faults:
            if fault.times > 0 and name.startswith(fault.action):
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault
        return None


def serve() -> tuple[Cloud, Callable[[], None]]:
    cloud = Cloud()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, Front(cloud), threaded=True)
    cloud.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        thread.join()

    return cloud, stop


def presigned_fault(environ: Environ, ahead: float = 0.0) -> str:
    """S3's error for a presigned request that differs from what was signed; empty if it does not differ.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
    stamp = time.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    if time.mktime(stamp) - time.timezone + int(query["X-Amz-Expires"]) < time.time() + ahead:
        return "AccessDenied"
    signed = query["X-Amz-SignedHeaders"].split(";")
    headers = {name: _header(environ, name) for name in signed}
    if _signature(environ, query, headers) != query["X-Amz-Signature"]:
        return "SignatureDoesNotMatch"
    if environ["REQUEST_METHOD"] == "PUT":
        body = _body(environ)
        if base64.b64encode(hashlib.sha256(body).digest()).decode() != headers.get("x-amz-checksum-sha256"):
            return "BadDigest"
    return ""


def _signature(environ: Environ, query: dict[str, str], headers: dict[str, str]) -> str:
    return signature(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, headers, "UNSIGNED-PAYLOAD")


def signature(method: str, path: str, query: dict[str, str], headers: dict[str, str], payload: str) -> str:
    """The expected X-Amz-Signature, implemented from the specification and not with botocore."""
    pairs = sorted((n, v) for n, v in query.items() if n != "X-Amz-Signature")
    canonical = "\n".join(
        [
            method,
            quote(unquote(path), safe="/-_.~"),
            "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in pairs),
            *(f"{name}:{value.strip()}" for name, value in sorted(headers.items())),
            "",
            ";".join(sorted(headers)),
            payload,
        ]
    )
    date, region, service, _ = query["X-Amz-Credential"].split("/")[1:]
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            query["X-Amz-Date"],
            f"{date}/{region}/{service}/aws4_request",
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{SECRET}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _header(environ: Environ, name: str) -> str:
    if name in ("content-length", "content-type"):
        return str(environ.get(name.upper().replace("-", "_"), ""))
    return str(environ.get("HTTP_" + name.upper().replace("-", "_"), ""))


def _body(environ: Environ) -> bytes:
    """Reads the body and restores it for moto."""
    import io

    data: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(data)
    return data


def _json_body(environ: Environ) -> dict[str, Any]:
    try:
        return dict(json.loads(_body(environ) or b"{}"))
    except ValueError:
        return {}


def _refuse(start: Start, status: int, code: str, *, json_protocol: bool) -> list[bytes]:
    if json_protocol:
        body = json.dumps({"__type": code, "message": "as ordered by the test"}).encode()
        kind = "application/x-amz-json-1.1"
    else:
        body = f"<Error><Code>{code}</Code><Message>as ordered by the test</Message></Error>".encode()
        kind = "application/xml"
    start(f"{status} X", [("content-type", kind), ("content-length", str(len(body)))])
    return [body]
