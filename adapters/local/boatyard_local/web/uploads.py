"""Receives a context's bytes by PUT, like an object store behind a signed URL."""

from collections.abc import Mapping

from boatyard.api.http import Response
from boatyard.errors import BoatyardError, Code
from boatyard.ports import Clock
from boatyard_local.contexts import FileContextStore
from boatyard_local.upload_url import PREFIX, UploadUrls
from boatyard_local.web.body import Body
from boatyard_local.web.rooms import Places, Room

_PIECE = 1024**2
"""How many bytes are collected before a thread hashes and writes them."""
_AT_ONCE = 64


class Uploads:
    """Receives at most `_AT_ONCE` uploads at a time, in its own threads: a slow disk delays no other request."""

    def __init__(self, contexts: FileContextStore, urls: UploadUrls, clock: Clock) -> None:
        self._contexts = contexts
        self._urls = urls
        self._clock = clock
        self._places = Places("uploads", _AT_ONCE)
        self._room = Room("uploads", threads=8, line=_AT_ONCE, seconds=60)

    def serves(self, path: str) -> bool:
        return path.startswith(PREFIX)

    async def put(self, path: str, query: Mapping[str, str], body: Body) -> Response:
        """Returns 201 once the archive is stored, also if it existed already."""
        announced = self._urls.check(path, query, self._clock)
        if body.announced not in (None, announced.size):
            raise BoatyardError(
                Code.CONTEXT_INVALID, f"{body.announced:,} bytes are sent, {announced.size:,} were announced"
            )
        with self._places.one(), self._contexts.receive(announced.sha256, announced.size) as receiving:
            gathered = bytearray()
            async for piece in body.pieces():
                gathered += piece
                if len(gathered) >= _PIECE:
                    data = bytes(gathered)
                    gathered.clear()
                    await self._room.run(lambda data=data: receiving.write(data))  # type: ignore[misc]
            rest = bytes(gathered)
            await self._room.run(lambda: receiving.write(rest))
            await self._room.run(receiving.commit)
        return Response(status=201, headers={"etag": f'"{announced.sha256}"'})
