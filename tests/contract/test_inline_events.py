"""On every cloud, the message of a waiting build reaches what carries it out, with one name for all deliveries."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard_aws import events as aws
from boatyard_azure import events as azure
from boatyard_azure.telemetry import InsightsTelemetry
from boatyard_gcp import events as gcp
from boatyard_gcp.telemetry import CloudLogging
from boatyard_serverless.events.model import BuildWaiting
from boatyard_serverless.events.outcome import EventOutcome
from tests.aws import payloads as of_aws
from tests.aws.site import Context
from tests.gcp import payloads as of_gcp
from tests.serverless.parts import MemoryParts

ID = f"{'a' * 32}-1"
BODY = {"boatyardEvent": "build-waiting", "build": ID}


class DeliveredBuilds:
    """Implements `events.dispatch.Builds`. Refuses as often as `busy` says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, float | None]] = []
        self.busy = 0

    def __call__(self, event: BuildWaiting, *, message: str, seconds_left: float | None) -> EventOutcome:
        self.asked.append((event.build, message, seconds_left))
        if self.busy:
            self.busy -= 1
            raise BoatyardError("DATAPLANE_UNAVAILABLE", "this instance of the function carries out another build")
        return EventOutcome(event="build")


def deliver_aws(parts: MemoryParts) -> bool:
    app = aws.EventApp(parts.deployment.dispatch, parts.telemetry, bucket="b")
    failed = app.handle(of_aws.sqs(json.dumps(BODY)), Context())["batchItemFailures"]
    return not failed


def deliver_gcp(parts: MemoryParts, *, keeps_dead_letters: bool = True) -> bool:
    app = gcp.EventApp(
        parts.deployment.dispatch, CloudLogging("acme"), bucket="b", keeps_dead_letters=keeps_dead_letters
    )
    return _goes_well(lambda: app.handle(*of_gcp.published(json.dumps(BODY).encode())))


def deliver_gcp_without_dead_letters(parts: MemoryParts) -> bool:
    return deliver_gcp(parts, keeps_dead_letters=False)


def deliver_azure(parts: MemoryParts) -> bool:
    app = azure.EventApp(parts.deployment.dispatch, parts.dead_letters, InsightsTelemetry(), account="a", container="c")
    return _goes_well(lambda: app.message(json.dumps(BODY).encode(), name="message m", tries=1))


def _goes_well(deliver: Callable[[], Any]) -> bool:
    try:
        deliver()
    except BoatyardError as error:
        assert error.meaning.retryable
        return False
    return True


@pytest.mark.parametrize(
    ("deliver", "seconds_left"),
    [(deliver_aws, 30.0), (deliver_gcp, None), (deliver_gcp_without_dead_letters, None), (deliver_azure, None)],
)
def test_a_waiting_build_is_carried_out_and_comes_again_while_the_instance_is_busy(
    deliver: Callable[[MemoryParts], bool], seconds_left: float | None
) -> None:
    parts = MemoryParts()
    builds = parts.builds = DeliveredBuilds()
    builds.busy = 1
    assert not deliver(parts)
    assert deliver(parts)
    assert len(builds.asked) == 2 and len(set(builds.asked)) == 1
    build, message, left = builds.asked[0]
    assert (build, left) == (ID, seconds_left) and message
    assert not parts.dead_letters.kept
