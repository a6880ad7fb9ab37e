"""Uploads and checks contexts as a client and a job do: Cloud Storage cannot refuse other bytes of the announced
length."""

import hashlib
from pathlib import Path
from typing import Final

import httpx

from boatyard.context import Context
from boatyard.errors import BoatyardError
from boatyard.ports import ContextStore, Upload
from boatyard_buildkit.fetch import fetch
from tests.contract.test_context_store import DATA, SHA256

_THERE: Final = 412


class Uploads:
    """Raises CONTEXT_INVALID for bytes that the store or the job refuses, FORBIDDEN for an invalid URL."""

    def __init__(self, store: ContextStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._count = 0

    def put(self, upload: Upload, data: bytes) -> None:
        answer = httpx.put(upload.upload_url, content=data, headers=upload.headers)
        if not answer.is_success and answer.status_code != _THERE:
            refused = "EntityToo" in answer.text
            raise BoatyardError("CONTEXT_INVALID" if refused else "FORBIDDEN", answer.text)
        if hashlib.sha256(data).hexdigest() != SHA256:  # the job is the first to know
            self._count += 1
            url, refusal_url = self._store.download_url(SHA256), self._store.refusal_url(SHA256)
            context = Context(sha256=SHA256, size=len(DATA))
            fetch(context, url, self._folder / f"archive-{self._count}", refusal_url=refusal_url)
