"""Programs that run in a pod of the cluster, with the builder image's Python and only its standard library.

Each is sent as text (`python -c`), takes one JSON document as its argument, and writes one to the file `out` named
there, the pod's termination message (at most 4096 bytes). None of them writes a credential anywhere.
"""

from importlib.resources import files
from typing import Final

_FOLDER: Final = files(__name__)


def program(name: str) -> str:
    """The text of `node` or `place`."""
    return (_FOLDER / f"{name}.py").read_text(encoding="utf-8")
