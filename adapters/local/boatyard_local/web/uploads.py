"""PUT of a context's bytes: what an object store does behind a signed URL."""

from collections.abc import Mapping

from boatyard.api.http import Response
from boatyard.errors import BoatyardError
from boatyard.ports import Clock
from boatyard_local.contexts import FileContextStore
from boatyard_local.upload_url import PREFIX, UploadUrls
from boatyard_local.web.body import Body
from boatyard_local.web.workers import Workers

_PIECE = 1024**2
"""Bytes that are gathered before a thread hashes and writes them."""


class Uploads:
    def __init__(self, contexts: FileContextStore, urls: UploadUrls, clock: Clock) -> None:
        self._contexts = contexts
        self._urls = urls
        self._clock = clock

    def serves(self, path: str) -> bool:
        return path.startswith(PREFIX)

    async def put(self, path: str, query: Mapping[str, str], body: Body, workers: Workers) -> Response:
        """201 when the archive is there; the same again for an archive that was there already."""
        announced = self._urls.check(path, query, self._clock)
        if body.announced not in (None, announced.size):
            raise BoatyardError(
                "CONTEXT_INVALID", f"{body.announced:,} bytes are sent, {announced.size:,} were announced"
            )
        with self._contexts.receive(announced.sha256, announced.size) as receiving:
            gathered = bytearray()
            async for piece in body.pieces():
                gathered += piece
                if len(gathered) >= _PIECE:
                    data = bytes(gathered)
                    gathered.clear()
                    await workers.run(lambda data=data: receiving.write(data))  # type: ignore[misc]
            rest = bytes(gathered)
            await workers.run(lambda: receiving.write(rest))
            await workers.run(receiving.commit)
        return Response(status=201, headers={"etag": f'"{announced.sha256}"'})
