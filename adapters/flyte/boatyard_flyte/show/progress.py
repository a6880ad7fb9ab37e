"""How far one build is, in one line. No terminal here: events in, words out."""

import time
from collections.abc import Callable

from boatyard.build import Phase, State
from boatyard_client.client import Outcome
from boatyard_client.display.text import printable
from boatyard_client.events import Accepted, Changed, Event, Packing, Uploading, Waiting

_PHASES = {
    Phase.FETCH_CONTEXT: "fetching the files",
    Phase.IMPORT_CACHE: "importing the cache",
    Phase.BUILD: "building",
    Phase.PUSH: "pushing",
    Phase.EXPORT_CACHE: "exporting the cache",
    Phase.ATTEST: "attesting",
}
_MINUTE = 60


class Progress:
    """`headline` changes when something else happens, `detail` with every event."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.headline = "asking"
        self.detail = ""
        self._clock = clock
        self._began = self._since = clock()

    def event(self, event: Event) -> bool:
        """True if the headline is a new one."""
        match event:
            case Accepted(id=build, joined=joined):
                return self._say(f"{'joined' if joined else 'accepted'} as build {build}")
            case Packing(files=files, total=total):
                self.detail = f"{files} of {total}"
                return self._say("packing the files", self.detail)
            case Uploading(sent=sent, total=total):
                self.detail = f"{100 * sent // max(total, 1)} %"
                return self._say(f"uploading {size(total)}", self.detail)
            case Waiting(reason=reason, seconds=seconds):
                return self._say(f"{reason}; asking again in {seconds:.0f} s")
            case Changed(build=build):
                if build.state in (State.PENDING, State.QUEUED):
                    return self._say("queued")
                if build.state.ended or build.phase is None:
                    return False
                if build.phase is Phase.BUILD and (step := build.step):
                    return self._say(f"step {step.number} of {step.total}: {step.title}")
                return self._say(_PHASES[build.phase])
        return False

    def elapsed(self) -> str:
        return duration(self._clock() - self._began)

    def step_elapsed(self) -> str:
        return duration(self._clock() - self._since)

    def ending(self, outcome: Outcome) -> str:
        """The line that stays."""
        if outcome.image is None:
            return f"build {outcome.answer.id} goes on; follow it with: boatyard logs -f {outcome.answer.id}"
        how = "cached, answered" if outcome.answer.cached else "built"
        return printable(f"{how} in {self.elapsed()}: {outcome.image}")

    def _say(self, headline: str, detail: str = "") -> bool:
        self.detail = detail
        headline = printable(headline)
        if headline == self.headline:
            return False
        self.headline = headline
        self._since = self._clock()
        return True


def duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // _MINUTE} min {int(seconds) % _MINUTE} s"


def size(count: int) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
