"""The contract suite of WorkQueue and DeadLetters."""

import json
from typing import Any, Protocol

import pytest

from boatyard.errors import BoatyardError
from boatyard_serverless.events.model import Dependent
from boatyard_serverless.memory import MemoryDeadLetters, MemoryWorkQueue
from boatyard_serverless.ports import DeadLetters, WorkQueue


class Driver(Protocol):
    queue: WorkQueue
    dead_letters: DeadLetters

    def bodies(self) -> list[Any]:
        """Removes and returns the messages in the queue, decoded."""
        ...

    def dead(self) -> list[tuple[Any, str]]:
        """The (body, code) of each dead letter."""
        ...


class MemoryDriver:
    def __init__(self) -> None:
        self.queue = MemoryWorkQueue()
        self.dead_letters = MemoryDeadLetters()
        self.bodies = self.queue.take

    def dead(self) -> list[tuple[Any, str]]:
        return [(body, code) for body, code, _ in self.dead_letters.kept]


@pytest.fixture
def driver() -> Driver:
    return MemoryDriver()


def message(number: int) -> Dependent:
    return Dependent(base="host/base:1", digest="sha256:" + "0" * 64, order=str(number), tries=number)


def test_each_message_arrives_as_it_was_put(driver: Driver) -> None:
    assert driver.queue
    driver.queue.put(message(number) for number in range(25))
    bodies: list[Any] = []
    while found := driver.bodies():
        bodies += found
    assert sorted(int(body["order"]) for body in bodies) == list(range(25))
    assert all(body["boatyardEvent"] == "dependent" and body["base"] == "host/base:1" for body in bodies)


def test_nothing_put_is_nothing_sent(driver: Driver) -> None:
    driver.queue.put([])
    assert driver.bodies() == []


def test_a_delay_is_at_most_the_longest(driver: Driver) -> None:
    assert driver.queue.longest_delay_seconds >= 0
    driver.queue.put([message(1)], delay_seconds=driver.queue.longest_delay_seconds)


@pytest.mark.parametrize("body", [{"spec": 5}, [1], "text", "", None, {"a": "ü"}])
def test_a_dead_letter_keeps_the_body_and_the_reason(driver: Driver, body: Any) -> None:
    error = BoatyardError("INVALID_SPEC", "x" * 5000)
    assert driver.dead_letters.keep(body, error, source="message-1")
    ((kept, code),) = driver.dead()
    assert code == "INVALID_SPEC"
    assert kept == body or json.dumps(kept) == json.dumps(body)
