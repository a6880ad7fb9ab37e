"""Describes the events of a build in words, for the command line and the flyte plugin."""

import time
from collections.abc import Callable
from typing import Final

from boatyard.build import Build, Phase, State
from boatyard_client.display.text import printable, seconds, size
from boatyard_client.events import Accepted, Changed, Event, Log, Packing, Uploading, Waiting
from boatyard_client.packing import ReadingProgress

_PHASES: Final = {
    Phase.FETCH_CONTEXT: "fetching the files",
    Phase.IMPORT_CACHE: "importing the cache",
    Phase.BUILD: "building",
    Phase.PUSH: "pushing",
    Phase.EXPORT_CACHE: "exporting the cache",
    Phase.ATTEST: "attesting",
}
_WORTH_SAYING: Final = 0.05


def _nothing(text: str) -> None: ...


class Story:
    """Follows the events of a build and describes them.

    `title` names the current activity, which began at `since`; `detail` is its progress, or why it waits. `say`
    receives past events, `began` each new title, `log` the build's own lines. All text from a service is printable.
    """

    def __init__(
        self,
        *,
        say: Callable[[str], None] = _nothing,
        log: Callable[[str], None] = _nothing,
        began: Callable[[str], None] = _nothing,
        steps: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._log = log
        self._began = began
        self._steps = steps
        """Whether to report a step's end. With a full log, its lines already do."""
        self._clock = clock
        self.started = self.since = clock()
        self.title = "asking"
        self._detail = ""
        self._waits, self._waits_until = "", self.started
        self.build_id = ""
        self._step: tuple[int, str] | None = None
        self._running = False
        """Whether that step is still running."""

    def tell(self, event: Event) -> None:
        match event:
            case Accepted():
                self.build_id = event.id
                self._say(f"{'joined' if event.joined else 'started'} build {printable(event.id)}")
                self._go_on("waiting for a builder" if event.state is State.QUEUED else "starting")
            case Packing():
                self._go_on("packing the files", f"{event.files} of {event.total}")
            case Uploading():
                self._go_on("uploading the files", f"{size(event.sent)} of {size(event.total)}")
                if event.sent == event.total:
                    self._say(f"uploaded {size(event.total)}")
            case Waiting():
                self._waits = f"{printable(event.reason)}; trying again in {seconds(event.seconds)}"
                self._waits_until = self._clock() + event.seconds
                self._say(self._waits)
            case Log():
                for line in event.lines:
                    self._log(printable(line))
            case Changed():
                self._changed(event.build)

    def reading(self, progress: ReadingProgress) -> None:
        self._go_on("reading the files", f"{progress.files} of {progress.total_files}")

    @property
    def detail(self) -> str:
        return self._waits if self._clock() < self._waits_until else self._detail

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self.started

    def lasting(self) -> float:
        """Seconds since the current activity began."""
        return self._clock() - self.since

    def _changed(self, build: Build) -> None:
        if build.state.ended:
            self._finish_step()
            if build.state is State.SUCCEEDED:
                self._say(_summary(build))
            return
        if build.step is not None and build.phase in (Phase.IMPORT_CACHE, Phase.BUILD):
            step = (build.step.number, build.step.title)
            if step != self._step:
                self._finish_step()
                self._step, self._running = step, True
                self._go_on(f"step {build.step.number} of {build.step.total}: {printable(build.step.title)}")
        elif build.phase is not None:
            self._finish_step()
            self._go_on(_PHASES[build.phase])
        elif build.state is not State.RUNNING:
            self._go_on("waiting for a builder")

    def _finish_step(self) -> None:
        if self._running and self._steps:
            self._say(f"{self.title} · {seconds(self.lasting())}")
        self._running = False

    def _go_on(self, title: str, detail: str = "") -> None:
        self._detail = detail
        if title != self.title:
            self.title, self.since = title, self._clock()
            self._began(title)


def _summary(build: Build) -> str:
    parts = [
        f"{_PHASES[time.phase]} {seconds(time.seconds)}"
        for time in build.phases
        if time.seconds and time.seconds > _WORTH_SAYING
    ]
    whole = (build.finished_at or 0) - (build.started_at or build.created_at)
    detail = f" ({', '.join(parts)})" if parts else ""
    return f"built in {seconds(max(whole, 0.0))}{detail}"
