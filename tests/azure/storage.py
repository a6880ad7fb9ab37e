"""A storage account on loopback, and what Terraform does with it, by Azure's own clients."""

import time
from pathlib import Path
from typing import Any

from azure.core.credentials import AccessToken
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from boatyard_azure.rest import STORAGE_VERSION
from tests.azure.entra import Entra
from tests.azure.guard import Guard


class Operator:
    """A credential of Azure's clients: somebody who may do all that this deployment's Entra ID allows."""

    def __init__(self, entra: Entra) -> None:
        self._entra = entra

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        resource = scopes[0].removesuffix("/.default")
        return AccessToken(self._entra.issue(resource), int(time.time() + 3600))


class Storage:
    def __init__(self, blob: Guard, queue: Guard, entra: Entra, ca_file: Path) -> None:
        self.blob = blob
        self.queue = queue
        options: dict[str, Any] = {
            "credential": Operator(entra),
            "connection_verify": str(ca_file),
            "retry_total": 0,
            "api_version": STORAGE_VERSION,
        }
        self.blobs = BlobServiceClient(blob.url, **options)
        self.queues = QueueServiceClient(queue.url, **options)

    def make_container(self, name: str) -> None:
        self.blobs.create_container(name)

    def make_queue(self, name: str) -> str:
        self.queues.create_queue(name)
        return name
