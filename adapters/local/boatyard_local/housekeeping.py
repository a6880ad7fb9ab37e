"""Removes old builds and archives once an hour."""

import logging
import threading
from typing import Final

from boatyard_local.contexts import FileContextStore
from boatyard_local.jobs import LocalJobRunner

_log = logging.getLogger(__name__)
_EVERY_SECONDS: Final = 3600.0
_CONTEXT_DAYS: Final = 7.0


class Housekeeping:
    def __init__(self, runner: LocalJobRunner, contexts: FileContextStore) -> None:
        self._runner = runner
        self._contexts = contexts
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="boatyard-housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()

    def clean(self) -> None:
        """Runs each part independently, so that an error in one does not prevent the others."""
        for part in (self._runner.prune, self._prune_contexts):
            try:
                part()
            except Exception:
                _log.exception("housekeeping failed; it is tried again in an hour")

    def _prune_contexts(self) -> None:
        # An announced context whose build has not been requested yet is recent, because `has` and the upload itself
        # update its time.
        self._contexts.prune(days=_CONTEXT_DAYS, keep=self._runner.contexts())

    def _run(self) -> None:
        while not self._closed.is_set():
            self.clean()
            self._closed.wait(_EVERY_SECONDS)
