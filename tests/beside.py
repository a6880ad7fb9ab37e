"""Commands that run beside something else."""

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import Final

ENGINE: Final = (sys.executable, "-m", "boatyard_local.engine", "ensure")
"""Quick if the engine runs, and it waits for another one that starts it."""
COLLECT: Final = (sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider")
"""Compiles tests and their imports, which in a new clone each worker would do."""
_LAST_WORDS_SECONDS: Final = 30.0


class Beside:
    """A process with its output in a file."""

    def __init__(self, command: Sequence[str]) -> None:
        # a file, because nobody reads a pipe meanwhile
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - __exit__ closes it
        self._process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT)

    @property
    def is_over(self) -> bool:
        return self._process.poll() is not None

    def wait(self) -> str | None:
        """Waits for the end. Returns what it printed if it failed."""
        failed = self._process.wait() != 0
        self._output.seek(0)
        return self._output.read().decode(errors="replace") if failed else None

    def __enter__(self) -> "Beside":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it as Ctrl-C does, which leaves none of its own processes."""
        if not self.is_over:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_WORDS_SECONDS)
            self._process.kill()
            self._process.wait()
        self._output.close()
