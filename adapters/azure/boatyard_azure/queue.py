"""Storage Queues: the queue that the function for events reads, from its other side, and the dead letters.

https://learn.microsoft.com/rest/api/storageservices/put-message. A message is text of at most 64 KiB; Functions' queue
trigger reads it as base64. One request puts one message. The identity needs
Microsoft.Storage/storageAccounts/queueServices/queues/messages/add/action (role Storage Queue Data Message Sender).
"""

from base64 import b64encode
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

import msgspec

from boatyard.errors import invalid
from boatyard_azure.faults import NeededAzureRole, id_of_account
from boatyard_azure.rest import AzureCall, AzureRest
from boatyard_azure.xml import document
from boatyard_serverless.dead_letters import QueuedDeadLetters
from boatyard_serverless.ports import DeadLetters

_LARGEST: Final = 48 * 1024
"""Bytes, which are 64 KiB of base64."""
_FOREVER: Final = -1
"""Without it, a message is deleted after seven days."""


class StorageWorkQueue:
    """Implements `boatyard_serverless.ports.WorkQueue`. `queue` is its name; False without one."""

    longest_delay_seconds = 7 * 24 * 3600

    def __init__(self, rest: AzureRest, account: str, queue: str) -> None:
        self._rest = rest
        self._account = account
        self._queue = queue

    def __bool__(self) -> bool:
        return bool(self._queue)

    def put(self, messages: Iterable[msgspec.Struct], *, delay_seconds: int = 0) -> None:
        """Raises DATAPLANE_UNAVAILABLE unless all were taken; those that were come a second time with the repeat.

        Raises INVALID_SPEC for a message that is too large, before any is sent.
        """
        if not 0 <= delay_seconds <= self.longest_delay_seconds:
            raise ValueError(f"a Storage Queue holds no message back for {delay_seconds} s")
        bodies = [msgspec.json.encode(message) for message in messages]
        for body in bodies:
            _check_size(body)
        for body in bodies:
            post(self._rest, self._account, self._queue, body, delay_seconds=delay_seconds)


def storage_dead_letters(rest: AzureRest, account: str, queue: str) -> DeadLetters:
    """Keeps nothing without a queue, and no letter that is too large: the host moves such a message, whole, to the
    poison queue once it was tried often enough.

    A message of a Storage Queue has no attributes, so a letter is a document: `{"body": …, "attributes": {…}}`.
    """

    def keep(text: str, attributes: dict[str, str]) -> None:
        post(rest, account, queue, msgspec.json.encode({"body": text, "attributes": attributes}))

    return QueuedDeadLetters(keep if queue else None)


def post(rest: AzureRest, account: str, queue: str, body: bytes, *, delay_seconds: int = 0) -> None:
    """Raises INVALID_SPEC for a message that is too large, and what `AzureRest.send` raises."""
    _check_size(body)
    need = NeededAzureRole(
        permission="Microsoft.Storage/storageAccounts/queueServices/queues/messages/add/action",
        resource=f"queue {queue} of storage account {account}",
        role="Storage Queue Data Message Sender",
        scope=f"{id_of_account(account)}/queueServices/default/queues/{queue}",
    )
    call = AzureCall(
        method="POST",
        address=f"{rest.endpoints.queue(account)}/{quote(queue, safe='')}/messages",
        audience="storage",
        query={"visibilitytimeout": delay_seconds, "messagettl": _FOREVER},
        body=document("QueueMessage", MessageText=b64encode(body).decode()),
        content_type="application/xml",
        need=need,
    )
    rest.send(call)


def _check_size(body: bytes) -> None:
    if len(body) > _LARGEST:
        raise invalid(f"the message has {len(body):,} bytes; a Storage Queue takes {_LARGEST:,}")
