"""An in-memory registry that can be made to fail."""

import threading
from collections.abc import Iterable

from boatyard.build import Image
from boatyard.errors import BoatyardError
from boatyard.reference import Reference


class MemoryRegistry:
    """While `failure` is set, every lookup raises it, like a registry that is down or refuses."""

    def __init__(self) -> None:
        self._images: dict[str, Image] = {}
        self._lock = threading.Lock()
        self.failure: BoatyardError | None = None
        self.finds = 0
        """Number of lookups."""
        self.immutable = False
        """Whether it refuses another image under an existing tag."""

    def push(self, reference: Reference, image: Image) -> None:
        """Stores the image under its tag and its digest, as after a push."""
        with self._lock:
            self._images[str(reference)] = image
            self._images[str(reference.at(image.digest))] = image

    def delete(self, reference: Reference) -> None:
        with self._lock:
            self._images.pop(str(reference), None)

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        with self._lock:
            self.finds += 1
            if self.failure is not None:
                raise self.failure
            asked = reference.at(reference.digest) if reference.digest else reference
            image = self._images.get(str(asked))
        if image is None or not set(platforms) <= set(image.platforms):
            return None
        return image

    def replaceable(self, reference: Reference) -> bool:
        return self.find(reference, ()) is None or not self.immutable
