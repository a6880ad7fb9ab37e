"""What the contract of queues looks into, on Storage Queues."""

import json
from typing import Any

from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64DecodePolicy

from boatyard_azure.queue import StorageWorkQueue, storage_dead_letters
from boatyard_azure.rest import AzureRest


class StorageQueueDriver:
    """Reads what was put with Azure's own client, which decodes base64 as the host of Functions does."""

    def __init__(self, rest: AzureRest, account: str, queues: QueueServiceClient, queue: str, dead: str) -> None:
        """`queue` and `dead` are the names of two queues without messages."""
        self._queues = queues
        self._dead = dead
        self.name = queue
        self.queue = StorageWorkQueue(rest, account, queue)
        self.dead_letters = storage_dead_letters(rest, account, dead)

    def client(self, name: str) -> QueueClient:
        return self._queues.get_queue_client(name, message_decode_policy=TextBase64DecodePolicy())

    def bodies(self) -> list[Any]:
        return [json.loads(text) for text in self._take(self.name)]

    def dead(self) -> list[tuple[Any, str]]:
        letters = [json.loads(text) for text in self._take(self._dead)]
        return [(_read(letter["body"]), letter["attributes"]["boatyard-code"]) for letter in letters]

    def _take(self, name: str) -> list[str]:
        client = self.client(name)
        texts = []
        for each in client.receive_messages(messages_per_page=32):
            texts.append(each.content)
            client.delete_message(each)
        return texts


def _read(body: str) -> Any:
    """A body that was text is kept as text."""
    try:
        return json.loads(body)
    except ValueError:
        return body
