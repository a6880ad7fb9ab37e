"""A process of Azure's worker, and what it answers."""

import base64
import itertools
import json
import os
import subprocess
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from tests.azure.worker.environment import worker_python

_PROGRAM: Final = Path(__file__).with_name("program.py")
_SECONDS: Final = 120.0
Datum = dict[str, Any]


class Outcome(NamedTuple):
    ok: bool
    error: str = ""
    status: int = 0
    headers: Mapping[str, str] = {}
    body: bytes = b""

    @property
    def document(self) -> Any:
        return json.loads(self.body) if self.body else None


class WorkerDied(Exception):
    """The process ended before it answered."""


class Worker:
    """`app` is an unpacked bundle."""

    def __init__(self, app: Path, variables: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._waiting: dict[str, Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [worker_python(), "-B", _PROGRAM, app],
                env={"PATH": os.environ["PATH"], "HOME": str(log.parent), **variables},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=log.parent,
                text=True,
                bufsize=1,
            )
        self._indexed: Future[dict[str, Any]] = Future()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def functions(self) -> dict[str, Any]:
        """Each function's bindings, as function.json has them."""
        found = self._indexed.result(_SECONDS)
        assert "indexed" in found, found
        functions: dict[str, Any] = found["indexed"]
        return functions

    def invoke(
        self, function: str, name: str, given: Datum, metadata: Mapping[str, Datum], *, traceparent: str = ""
    ) -> Outcome:
        """Raises WorkerDied."""
        self.functions  # noqa: B018 - it has started
        answered: Future[dict[str, Any]] = Future()
        with self._lock:
            invocation = f"00000000-0000-4000-8000-{next(self._numbers):012d}"
            self._waiting[invocation] = answered
        asked = {
            "invocation": invocation,
            "function": function,
            "name": name,
            "input": given,
            "metadata": metadata,
            "traceparent": traceparent,
        }
        assert self._process.stdin
        try:
            with self._lock:
                self._process.stdin.write(json.dumps(asked) + "\n")
        except OSError:
            raise WorkerDied from None
        answer = answered.result(_SECONDS)
        http = answer.get("http", {})
        return Outcome(
            answer["ok"],
            answer["error"] or "",
            http.get("status", 0),
            http.get("headers", {}),
            base64.b64decode(http.get("body", "")),
        )

    def lines(self) -> list[dict[str, Any]]:
        """Boatyard's own lines of the log: what Application Insights would get."""
        return [json.loads(record["message"]) for record in self.records() if record["logger"] == "boatyard.lines"]

    def records(self) -> list[dict[str, Any]]:
        text = self._log.read_text(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith('{"level"')]

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-6000:]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(20)
        self._reader.join(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            document = json.loads(line)
            if "invocation" not in document:
                self._indexed.set_result(document)
                continue
            with self._lock:
                answered = self._waiting.pop(document["invocation"])
            answered.set_result(document)
        if not self._indexed.done():
            self._indexed.set_exception(WorkerDied(self.log()))
        with self._lock:
            left, self._waiting = self._waiting, {}
        for answered in left.values():
            answered.set_exception(WorkerDied())
