"""What a client and a job do together with Blob Storage, which refuses no bytes for what they are."""

import hashlib
import ssl
from pathlib import Path
from typing import Final

import httpx

from boatyard.context import Context
from boatyard.errors import BoatyardError
from boatyard.ports import ContextStore, Upload
from boatyard_buildkit.fetch import fetch
from tests.contract.test_context_store import DATA, SHA256

_THERE: Final = frozenset({403, 409})


class Uploads:
    """Raises CONTEXT_INVALID for what the job refuses, FORBIDDEN for a URL that is not good."""

    def __init__(self, store: ContextStore, folder: Path, ca_file: Path | None = None) -> None:
        self._store = store
        self._folder = folder
        self._client = httpx.Client(verify=ssl.create_default_context(cafile=str(ca_file) if ca_file else None))
        self._count = 0

    def put(self, upload: Upload, data: bytes) -> None:
        answer = self.send(upload.upload_url, data, upload.headers)
        there = answer.status_code in _THERE and self._store.has(SHA256)  # the client asks the service
        if not answer.is_success and not there:
            raise BoatyardError("FORBIDDEN", answer.text)
        if hashlib.sha256(data).hexdigest() != SHA256:  # the job is the first to know
            self._count += 1
            url, refusal_url = self._store.download_url(SHA256), self._store.refusal_url(SHA256)
            context = Context(sha256=SHA256, size=len(DATA))
            fetch(context, url, self._folder / f"archive-{self._count}", refusal_url=refusal_url)

    def send(self, url: str, data: bytes, headers: "dict[str, str]") -> httpx.Response:
        return self._client.put(url, content=data, headers=headers)

    def read(self, url: str) -> httpx.Response:
        return self._client.get(url)
