"""Long polls use the monotonic clock, so that changes of the system time do not affect them."""

from boatyard.memory import ManualClock
from tests.api.site import SPEC, Site


class Jumping(ManualClock):
    """A clock that is set back or forward while a caller waits."""

    def __init__(self, jump: float) -> None:
        super().__init__()
        self.jump = jump
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.set(self.now() + self.jump)
        self.slept += seconds


def test_a_poll_waits_as_long_as_it_says_whatever_the_clock_is_set_to() -> None:
    """When the clock was set back by an hour, a poll of five seconds did not answer."""
    for jump in (-3_600.0, 3_600.0):
        clock = Jumping(jump)
        site = Site(clock=clock)
        build_id = site.ask("POST", "/v1/builds", {"spec": SPEC})[1]["id"]
        for path in (f"/v1/builds/{build_id}", f"/v1/builds/{build_id}/logs"):
            clock.slept = 0
            assert site.ask("GET", path, wait="5")[0] == 200
            assert abs(clock.slept - 5) < 0.01
