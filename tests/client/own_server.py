"""Imitates a running `boatyard serve` in a folder: its record, its token, and a held lock."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_server(folder: Path, url: str, *, token: str = "", record: bytes | None = None) -> Iterator[Path]:
    """Returns the path of its server.json. `record` is written unchanged."""
    state = folder / ".boatyard"
    state.mkdir(exist_ok=True)
    files = {"server.json": record or json.dumps({"url": url, "pid": 1}).encode(), "token": token.encode()}
    for name, data in files.items():
        (state / name).write_bytes(data)
        (state / name).chmod(0o600)
    with (state / "server.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield state / "server.json"
