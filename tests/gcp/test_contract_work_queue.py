"""The contract suite of queues, with a stand-in for Pub/Sub, and with Google's emulator if it is installed."""

import itertools

import pytest

from boatyard.errors import BoatyardError
from boatyard_gcp.queue import PubSubWorkQueue, pubsub_dead_letters
from boatyard_gcp.rest import GoogleRest
from tests.contract.test_work_queue import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_work_queue import message
from tests.gcp.loopback import ApiServer
from tests.gcp.pubsub import Emulator, Played
from tests.gcp.work_queue_driver import QueueDriver

_PUBLISH = "pubsub.projects.topics.publish"
_NUMBERS = itertools.count(1)


@pytest.fixture(params=["played", "emulator"])
def driver(request: pytest.FixtureRequest, rest: GoogleRest, monkeypatch: pytest.MonkeyPatch) -> QueueDriver:
    name = f"test-{next(_NUMBERS)}"
    if request.param == "played":
        return QueueDriver(rest, Played(request.getfixturevalue("pubsub")), name)
    found: Emulator = request.getfixturevalue("emulator")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", found.host)
    return QueueDriver(rest, found.topics(), name)


def test_without_a_topic_there_is_no_queue_and_no_place_for_dead_letters(rest: GoogleRest) -> None:
    assert not PubSubWorkQueue(rest, "")
    assert not pubsub_dead_letters(rest, "").keep({}, BoatyardError("INVALID_SPEC", "x"), source="m")


def test_a_thousand_messages_are_a_few_requests(rest: GoogleRest, pubsub: ApiServer) -> None:
    played = Played(pubsub)
    topic = played.make("events")
    PubSubWorkQueue(rest, topic).put(message(number) for number in range(1000))
    assert pubsub.count(_PUBLISH) == 5 and len(played.topics[topic]) == 1000


def test_a_message_that_cannot_be_held_back_is_not_sent_at_once(rest: GoogleRest, pubsub: ApiServer) -> None:
    topic = Played(pubsub).make("events")
    with pytest.raises(ValueError, match="cannot delay a message"):
        PubSubWorkQueue(rest, topic).put([message(1)], delay_seconds=1)


@pytest.mark.parametrize(
    ("status", "word", "code"),
    [(403, "PERMISSION_DENIED", "DATAPLANE_DENIED"), (503, "UNAVAILABLE", "DATAPLANE_UNAVAILABLE"),
     (429, "RESOURCE_EXHAUSTED", "DATAPLANE_UNAVAILABLE")],
)  # fmt: skip
def test_messages_that_are_not_taken_are_an_error_and_a_dead_letter_is_none(
    rest: GoogleRest, pubsub: ApiServer, status: int, word: str, code: str
) -> None:
    topic = Played(pubsub).make("events")
    pubsub.fail(_PUBLISH, status, word)
    with pytest.raises(BoatyardError, match=r"pubsub\.topics\.publish") as caught:
        PubSubWorkQueue(rest, topic).put([message(1)])
    assert caught.value.code == code
    assert ("roles/pubsub.publisher" in caught.value.detail) is (status == 403)
    assert not pubsub_dead_letters(rest, topic).keep({}, BoatyardError("INVALID_SPEC", "x"), source="m")


def test_a_topic_that_is_missing_is_an_error(rest: GoogleRest, pubsub: ApiServer) -> None:
    Played(pubsub)
    with pytest.raises(BoatyardError, match="topic projects/p/topics/none with 404") as caught:
        PubSubWorkQueue(rest, "projects/p/topics/none").put([message(1)])
    assert caught.value.code == "DATAPLANE_UNAVAILABLE"


@pytest.mark.parametrize("detail", ["ü" * 5000, "", "x\ny"])
def test_a_reason_is_as_long_as_an_attribute(rest: GoogleRest, pubsub: ApiServer, detail: str) -> None:
    played = Played(pubsub)
    topic = played.make("dead")
    assert pubsub_dead_letters(rest, topic).keep("", BoatyardError("INVALID_SPEC", detail), source="")
    (kept,) = played.topics[topic]
    assert len(kept["attributes"]["boatyard-detail"].encode()) <= 1024 and kept["attributes"]["boatyard-source"] == "-"
