"""Encodes messages for a queue, in batches of the size that one request of the cloud accepts."""

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec


def batches(messages: Iterable[msgspec.Struct], most: int) -> Iterator[list[bytes]]:
    """Encodes all messages before the first batch, so that a faulty one sends none."""
    bodies = iter([msgspec.json.encode(message) for message in messages])
    while batch := list(islice(bodies, most)):
        yield batch
