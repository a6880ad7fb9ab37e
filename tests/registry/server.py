"""A small OCI registry in this process that fails on demand."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
USER, PASSWORD = "user", "pa55-w0rd"


class Fault(msgspec.Struct, kw_only=True):
    """An injected fault. `path` is a part of the paths that it applies to."""

    status: int = 500
    body: bytes = b""
    headers: dict[str, str] = {}
    path: str = ""
    method: str = ""
    times: int = 1
    close: bool = False
    """Break the connection instead of answering."""


class Seen(msgspec.Struct, frozen=True):
    method: str
    path: str
    headers: dict[str, str]


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class FakeRegistry:
    """`auth` is "", "basic" or "bearer". `address` is host:port."""

    def __init__(self, *, auth: str = "") -> None:
        self.auth = auth
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.tokens = 0
        self.revoked = 0
        """Tokens up to this one are no longer taken."""
        self.blob_redirect = ""
        self.realm = ""
        self.delay = 0.0
        """Seconds before each answer."""
        self.read_only = False
        self.immutable = False
        """Tags do not move, as in ECR and in its words."""
        self.referrers_page = 0
        """Entries on a page of the referrers API; 0: the registry does not have that API."""
        self.tags_a_page = 1000
        self.deletes_tags = False
        """Tags can be deleted, and a manifest only without tags, as in Google's registries."""
        self.handles: Callable[[Seen], bool] = lambda seen: True
        """Whether a request is handled; otherwise its connection breaks."""
        self.lock = threading.Lock()
        registry = self

        class Handler(_Handler):
            fake = registry

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # A client that tried TLS and left is no news.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_blob(self, data: bytes) -> str:
        self.blobs[digest_of(data)] = data
        return digest_of(data)

    def add_manifest(self, repository: str, tag: str, document: Any, media_type: str) -> str:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        for name in (tag, digest_of(body)):
            self.manifests[repository, name] = (media_type, body)
        return digest_of(body)

    def add_image(
        self,
        repository: str,
        tag: str,
        *,
        platform: str = "linux/amd64",
        labels: dict[str, str] | None = None,
        layer: bytes = b"layer",
        media_type: str = OCI_MANIFEST,
    ) -> str:
        os, architecture, *variant = platform.split("/")
        config = {"os": os, "architecture": architecture, "config": {"Labels": labels}}
        config |= {"variant": variant[0]} if variant else {}
        data = json.dumps(config).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"digest": self.add_blob(data), "size": len(data), "mediaType": "application/json"},
            "layers": [{"digest": self.add_blob(layer), "size": len(layer), "mediaType": "layer"}],
        }
        return self.add_manifest(repository, tag, manifest, media_type)

    def add_index(
        self,
        repository: str,
        tag: str,
        platforms: tuple[str, ...],
        *,
        attested: bool = False,
        media_type: str = OCI_INDEX,
        labels: Sequence[dict[str, str]] = (),
    ) -> str:
        entries: list[dict[str, Any]] = []
        for number, platform in enumerate(platforms):
            os, architecture, *variant = platform.split("/")
            digest = self.add_image(
                repository,
                f"{tag}-{number}",
                platform=platform,
                labels=labels[number] if labels else {"io.boatyard.key": "k"},
                layer=b"x" * (number + 1),
            )
            described = {"os": os, "architecture": architecture} | ({"variant": variant[0]} if variant else {})
            entries.append({"digest": digest, "size": 1, "mediaType": OCI_MANIFEST, "platform": described})
        if attested:
            entries.append(
                {
                    "digest": "sha256:" + "a" * 64,
                    "size": 1,
                    "mediaType": OCI_MANIFEST,
                    "platform": {"os": "unknown", "architecture": "unknown"},
                    "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
                }
            )
        return self.add_manifest(repository, tag, {"schemaVersion": 2, "manifests": entries}, media_type)

    def paths(self, method: str = "") -> list[str]:
        return [seen.path for seen in self.seen if not method or seen.method == method]


class _Handler(BaseHTTPRequestHandler):
    # A client that tries TLS first gets a status line, as from a real server, and falls back to plain http.
    default_request_version = "HTTP/1.0"
    fake: FakeRegistry
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Head and body are two writes: the second would wait for the client's delayed acknowledgement, for 40 ms."""

    def _handle(self) -> None:
        fake = self.fake
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        with fake.lock:
            fake.seen.append(Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            fault = next(
                (f for f in fake.faults if f.path in self.path and f.method in ("", self.command) and f.times > 0), None
            )
            if fault:
                fault.times -= 1
            handled = fake.handles(fake.seen[-1])
        time.sleep(fake.delay)
        if not handled or (fault and fault.close):
            self.close_connection = True
            return
        if fault:
            self._answer(fault.status, fault.body, fault.headers)
            return
        url = urlsplit(self.path)
        if url.path == "/token":
            self._token(parse_qs(url.query), body)
            return
        if not self._authorised():
            return
        _, _, rest = url.path.partition("/v2/")
        kind, name = rest.split("/")[-2:]
        if "/blobs/uploads/" in rest:
            self._upload(rest.partition("/blobs/uploads/")[0], parse_qs(url.query), body)
        elif kind == "manifests":
            self._manifest(rest.rsplit("/manifests/", 1)[0], name, body)
        elif kind == "blobs":
            self._blob(name)
        elif kind == "referrers" and fake.referrers_page:
            self._referrers(rest.rsplit("/referrers/", 1)[0], name, parse_qs(url.query))
        elif (kind, name) == ("tags", "list"):
            self._tags(rest.removesuffix("/tags/list"), parse_qs(url.query))
        else:
            self._error(404, "UNSUPPORTED")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _handle

    def _authorised(self) -> bool:
        given = self.headers.get("authorization", "")
        if self.fake.auth == "basic":
            if given == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode():
                return True
            self._error(401, "UNAUTHORIZED", {"www-authenticate": 'Basic realm="fake"'})
            return False
        if self.fake.auth == "bearer":
            number = given.removeprefix("Bearer token-")
            if number.isdigit() and self.fake.revoked < int(number) <= self.fake.tokens:
                return True
            realm = self.fake.realm or f"http://{self.fake.address}/token"
            self._error(401, "UNAUTHORIZED", {"www-authenticate": f'Bearer realm="{realm}",service="fake"'})
            return False
        return True

    def _token(self, query: dict[str, list[str]], body: bytes) -> None:
        form = parse_qs(body.decode())
        given = self.headers.get("authorization", "")
        by_password = given == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        by_refresh = form.get("refresh_token") == ["refresh-me"] and form.get("grant_type") == ["refresh_token"]
        if not (by_password or by_refresh) or not (query.get("scope") or form.get("scope")):
            self._error(401, "UNAUTHORIZED")
            return
        with self.fake.lock:
            self.fake.tokens += 1
            token = f"token-{self.fake.tokens}"
        self._answer(200, json.dumps({"token": token, "expires_in": 300}).encode(), {})

    def _manifest(self, repository: str, name: str, body: bytes) -> None:
        if self.command == "DELETE":
            self._delete(repository, name)
            return
        if self.command == "PUT":
            if self.fake.read_only:
                self._error(403, "DENIED")
                return
            there = self.fake.manifests.get((repository, name))
            if self.fake.immutable and there and there[1] != body:
                told = (
                    f"The image tag '{name}' already exists in the '{repository}' repository and cannot be "
                    "overwritten because the tag is immutable."
                )
                self._error(400, "TAG_INVALID", message=told)
                return
            media_type = self.headers["content-type"]
            self.fake.add_manifest(repository, name, body, media_type)
            subject = (json.loads(body).get("subject") or {}).get("digest") if self.fake.referrers_page else None
            known = {"oci-subject": subject} if subject else {}
            self._answer(201, b"", {"docker-content-digest": digest_of(body)} | known)
            return
        found = self.fake.manifests.get((repository, name))
        # A real registry answers 404 for a manifest of a type that was not accepted.
        if found is None or found[0] not in self.headers.get("accept", ""):
            self._error(404, "MANIFEST_UNKNOWN")
            return
        self._answer(200, found[1], {"content-type": found[0], "docker-content-digest": digest_of(found[1])})

    def _referrers(self, repository: str, digest: str, query: dict[str, list[str]]) -> None:
        entries = [
            {"mediaType": kind, "digest": name, "size": len(body), "artifactType": json.loads(body).get("artifactType")}
            for (place, name), (kind, body) in list(self.fake.manifests.items())
            if place == repository and name == digest_of(body)
            if (json.loads(body).get("subject") or {}).get("digest") == digest
        ]
        start, size = int(query.get("from", ["0"])[0]), self.fake.referrers_page
        more = {"link": f'<{urlsplit(self.path).path}?from={start + size}>; rel="next"'}
        page = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries[start : start + size]}
        headers = {"content-type": OCI_INDEX} | (more if len(entries) > start + size else {})
        self._answer(200, json.dumps(page).encode(), headers)

    def _tags(self, repository: str, query: dict[str, list[str]]) -> None:
        all_tags = sorted(name for path, name in self.fake.manifests if path == repository and ":" not in name)
        if not all_tags:
            self._error(404, "NAME_UNKNOWN")
            return
        count = min(int(query.get("n", ["100"])[0]), self.fake.tags_a_page)
        page = [tag for tag in all_tags if tag > query.get("last", [""])[0]][:count]
        more = bool(page) and page[-1] != all_tags[-1]
        link = {"link": f'</v2/{repository}/tags/list?last={page[-1]}&n={count}>; rel="next"'} if more else {}
        self._answer(200, json.dumps({"name": repository, "tags": page}).encode(), link)

    def _delete(self, repository: str, name: str) -> None:
        manifests = self.fake.manifests
        found = manifests.get((repository, name))
        if found is None:
            self._error(404, "MANIFEST_UNKNOWN")
            return
        if ":" not in name:
            if not self.fake.deletes_tags:
                self._error(405, "UNSUPPORTED")
                return
            del manifests[repository, name]
        else:
            same = [key for key, value in manifests.items() if key[0] == repository and value == found]
            if self.fake.deletes_tags and len(same) > 1:
                self._error(400, "GOOGLE_MANIFEST_DANGLING_TAG")
                return
            for key in same:
                del manifests[key]
        self._answer(202, b"", {})

    def _blob(self, digest: str) -> None:
        data = self.fake.blobs.get(digest)
        if data is None:
            self._error(404, "BLOB_UNKNOWN")
        elif self.fake.blob_redirect and self.command == "GET":
            self._answer(307, b"", {"location": f"{self.fake.blob_redirect}/{digest}?signature=x"})
        else:
            self._answer(200, data, {})

    def _upload(self, repository: str, query: dict[str, list[str]], body: bytes) -> None:
        if self.fake.read_only:
            self._error(403, "DENIED")
        elif self.command == "POST":
            self._answer(202, b"", {"location": f"/v2/{repository}/blobs/uploads/1?_state=abc"})
        elif query.get("digest") == [digest_of(body)] and query.get("_state") == ["abc"]:
            self.fake.add_blob(body)
            self._answer(201, b"", {"docker-content-digest": digest_of(body)})
        else:
            self._error(400, "DIGEST_INVALID")

    def _error(self, status: int, code: str, headers: dict[str, str] | None = None, *, message: str = "x") -> None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self._answer(status, body, {"content-type": "application/json"} | (headers or {}))

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "content-length" not in headers:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def running(*, auth: str = "") -> Iterator[FakeRegistry]:
    fake = FakeRegistry(auth=auth)
    try:
        yield fake
    finally:
        fake.close()
