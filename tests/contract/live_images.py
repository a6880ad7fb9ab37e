"""Pushes small images to a real registry, by the distribution protocol."""

import itertools
import json
from pathlib import Path
from urllib.parse import urlencode, urljoin

from boatyard.job import KEY_LABEL
from boatyard.reference import Reference, Repository
from boatyard_registry.client import RegistryCall, RegistryClient
from boatyard_registry.transport import Answer
from tests.registry.layouts import Layout


class LiveImages:
    def __init__(self, client: RegistryClient, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._numbers = itertools.count(1)

    def push(self, image: str, platforms: tuple[str, ...], *keys: str) -> str:
        """`image` is repository:tag. Returns the digest."""
        reference = Reference.parse(image)
        layout = Layout(self._folder / f"layout-{next(self._numbers)}")
        labels = [{KEY_LABEL: key} for key in keys] + [{}] * (len(platforms) - len(keys))
        images = [
            layout.image(platform.encode(), platform=platform, labels=each)
            for platform, each in zip(platforms, labels, strict=True)
        ]
        top = images[0] if len(images) == 1 else layout.index(*images)
        repository = reference.repository
        for digest, data in layout.blobs().items():
            begun = self._send("POST", repository, "blobs/uploads/", b"")
            place = urljoin(begun.url, begun.headers["location"])
            joint = "&" if "?" in place else "?"
            self._send("PUT", repository, f"{place}{joint}{urlencode({'digest': digest})}", data)
        for digest, data in layout.manifests(top).items():
            name = reference.tag if digest == top["digest"] else digest
            self._send("PUT", repository, f"manifests/{name}", data, kind=json.loads(data)["mediaType"])
        return str(top["digest"])

    def _send(
        self, method: str, repository: Repository, path: str, body: bytes, *, kind: str = "application/octet-stream"
    ) -> Answer:
        headers = {"content-type": kind}
        call = RegistryCall(
            method=method, repository=repository, path=path, actions="pull,push", headers=headers, body=body
        )
        answer = self._client.send(call)
        assert answer.status in (201, 202), (method, path, answer.status, answer.body)
        return answer
