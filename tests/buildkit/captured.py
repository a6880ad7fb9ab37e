"""Replays real failed builds: captures/NAME.jsonl has what buildx 0.13 wrote.

The first line has the job and the exit code. Each further line is an object of the progress, or a string for a line of
plain text. Host names are replaced; the output of finished steps and byte counts are left out.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from boatyard.build import Failure
from boatyard.job import BuildJob
from boatyard_buildkit.explain import explain
from boatyard_buildkit.follow import Ended, Follower
from boatyard_buildkit.instructions import Instructions
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.progress import ProgressFile
from boatyard_buildkit.rawjson import RawJsonParser
from boatyard_buildkit.redaction import Redactor

FOLDER = Path(__file__).parent / "captures"


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def load(name: str) -> tuple[BuildJob, int, bytes]:
    """The job, the exit code and the bytes that buildx wrote."""
    head, *rows = (json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines())
    text = "".join(f"{row}\n" if isinstance(row, str) else _indented(row) for row in rows)
    return msgspec.convert(head["job"], BuildJob), head["exitCode"], text.encode()


def replay(name: str, folder: Path, *, without: bytes | None = None) -> tuple[Failure, Ended]:
    """Explains the capture. `without` leaves out every line that starts with it."""
    job, exit_code, output = load(name)
    if without is not None:
        output = b"".join(line for line in output.splitlines(keepends=True) if not line.startswith(without))
    instructions = Instructions(job)
    follower = Follower(instructions, LogFile(folder / "log.jsonl", Redactor()), ProgressFile(folder / "progress.json"))
    parser = RawJsonParser()
    for event in (*parser.feed(output), *parser.close()):
        follower.take(event)
    ended = follower.end(exit_code)
    return explain(ended, job, instructions), ended


def _indented(row: dict[str, Any]) -> str:
    """Formats progress as buildx 0.13 does: over many lines, with logs in base64."""
    return json.dumps(row | ({"logs": list(_encoded(row["logs"]))} if "logs" in row else {}), indent=2) + "\n"


def _encoded(logs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for piece in logs:
        data = base64.b64encode(piece["text"].encode()).decode()
        yield {"vertex": piece["vertex"], "stream": piece["stream"], "data": data}
