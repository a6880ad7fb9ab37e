"""A server with the stand-in job and an in-memory registry: `python -m tests.local.stand_in_server STATE [JSON]`.

The JSON has settings. The registry has the images that builds of this state folder pushed.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from boatyard.build import Image
from boatyard.reference import Reference
from boatyard.settings import Settings
from boatyard_local import ServeError, serve
from boatyard_local.jobs.record import read_result
from boatyard_local.state import BuildFolder
from tests.local.jobs import argv


class Pushed:
    """A Registry that has an image once its build has a result."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        for folder in (self._state / "builds").iterdir():
            result = read_result(BuildFolder(folder))
            job = json.loads(BuildFolder(folder).job.read_bytes()) if result and result.digest else {}
            if result and result.digest and job["target"] == str(reference):
                at = str(reference.at(result.digest))
                return Image(
                    reference=at,
                    digest=result.digest,
                    platforms=tuple(platforms),
                    key=job["key"],
                    build_tag=folder.name.rpartition("-")[0],
                )
        return None

    def replaceable(self, reference: Reference) -> bool:
        return True


def main(state: Path, settings: str = "{}") -> int:
    values = {"defaultRepository": "127.0.0.1:5000/images", **json.loads(settings)}
    try:
        serve(
            msgspec.convert(values, Settings),
            state,
            on_ready=lambda url: print(url, flush=True),
            argv=argv,
            registry=Pushed(state),
        )
    except ServeError as error:
        print(f"boatyard: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
