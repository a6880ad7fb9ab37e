"""Makes wheels while BuildKit runs the steps before them.

Most commands change nothing of an environment, so what the following layers install is made on that guess. It is never
taken over: the layer is resolved again when its turn comes, against what the commands left, and finds the layers of
wheels that are the same (`LayerStore.find_group`). A wrong guess costs time of another processor, and nothing else.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import takewhile

from boatyard_layers.made import Made
from boatyard_layers.plan import MakerStep


class WheelsAhead:
    def __init__(self, after: Callable[[MakerStep, Made], Made]) -> None:
        """`after` makes a step's layers, and returns the image that ends with it."""
        self._after = after
        self._running: Future[None] | None = None

    def begin(self, following: Sequence[MakerStep], made: Made) -> tuple[MakerStep, ...]:
        """Begins with the wheels among the steps until the next `run`, and returns their steps."""
        steps = tuple(takewhile(lambda step: step.maker != "run", following))
        wheels = tuple(step for step in steps if step.maker == "wheels")
        if wheels:
            threads = ThreadPoolExecutor(1, "wheels-ahead")
            self._running = threads.submit(self._make, steps, made)
            threads.shutdown(wait=False)
        return wheels

    def wait(self) -> None:
        """Returns when nothing is being made. What failed fails again when its turn comes, with its reason."""
        running, self._running = self._running, None
        if running:
            wait([running])

    def _make(self, steps: Sequence[MakerStep], made: Made) -> None:
        for step in steps:
            if step.maker != "files":  # files belong to no environment, and may be what the commands' files replace
                made = self._after(step, made)
