"""The contract of queues, held by Storage Queues."""

import itertools

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard_azure.queue import StorageWorkQueue, storage_dead_letters
from boatyard_azure.rest import AzureRest
from tests.azure.azurite import ACCOUNT
from tests.azure.storage import Storage
from tests.azure.work_queue_driver import StorageQueueDriver
from tests.contract.test_work_queue import *  # noqa: F403 - the suite's tests, with our fixture below
from tests.contract.test_work_queue import message

_NUMBERS = itertools.count(1)


class Large(msgspec.Struct):
    text: str


@pytest.fixture
def driver(rest: AzureRest, storage: Storage) -> StorageQueueDriver:
    number = next(_NUMBERS)
    names = (storage.make_queue(f"events-{number}"), storage.make_queue(f"dead-letters-{number}"))
    return StorageQueueDriver(rest, ACCOUNT, storage.queues, *names)


def test_without_a_queue_there_is_no_place_for_messages_and_letters(rest: AzureRest) -> None:
    assert not StorageWorkQueue(rest, ACCOUNT, "")
    assert not storage_dead_letters(rest, ACCOUNT, "").keep({}, BoatyardError("INVALID_SPEC", "x"), source="m")


def test_a_delayed_message_is_not_seen_yet(driver: StorageQueueDriver) -> None:
    driver.queue.put([message(1)], delay_seconds=60)
    assert driver.bodies() == [] and driver.client(driver.name).get_queue_properties().approximate_message_count == 1
    with pytest.raises(ValueError, match="holds no message back"):
        driver.queue.put([message(1)], delay_seconds=7 * 24 * 3600 + 1)


def test_a_message_is_kept_until_somebody_takes_it(driver: StorageQueueDriver) -> None:
    """Without a time to live, a queue deletes it after seven days."""
    driver.queue.put([message(1)])
    (seen,) = driver.client(driver.name).peek_messages()
    assert seen.expires_on and seen.expires_on.year > 2100


def test_the_largest_message_is_taken_and_a_larger_one_is_refused_by_its_size(driver: StorageQueueDriver) -> None:
    room = 48 * 1024 - len(msgspec.json.encode(Large("")))
    driver.queue.put([Large("x" * room)])
    assert len(driver.bodies()) == 1
    with pytest.raises(BoatyardError, match="49,153 bytes; a Storage Queue takes 49,152") as caught:
        driver.queue.put([message(1), Large("x" * (room + 1))])
    assert caught.value.code == "INVALID_SPEC" and driver.bodies() == [], "none is sent"


def test_a_letter_that_is_too_large_is_left_to_the_poison_queue(driver: StorageQueueDriver) -> None:
    assert not driver.dead_letters.keep("x" * 49_100, BoatyardError("INVALID_SPEC", "x"), source="m")
    assert driver.dead() == []


@pytest.mark.parametrize(
    ("status", "word", "code", "says"),
    [
        (403, "AuthorizationPermissionMismatch", "DATAPLANE_DENIED", '--role "Storage Queue Data Message Sender"'),
        (403, "AuthorizationFailure", "DATAPLANE_DENIED", "firewall"),
        (503, "ServerBusy", "DATAPLANE_UNAVAILABLE", "throttles"),
        (500, "InternalError", "DATAPLANE_UNAVAILABLE", "500 InternalError"),
    ],
)
def test_messages_that_are_not_taken_are_an_error_and_a_dead_letter_is_none(
    driver: StorageQueueDriver, storage: Storage, status: int, word: str, code: str, says: str
) -> None:
    storage.queue.fail("POST", status, word)
    with pytest.raises(BoatyardError, match="queues/messages/add/action") as caught:
        driver.queue.put([message(1)])
    assert caught.value.code == code and says in caught.value.detail
    assert not driver.dead_letters.keep({}, BoatyardError("INVALID_SPEC", "x"), source="m")


def test_a_queue_that_is_missing_is_an_error(rest: AzureRest, storage: Storage) -> None:
    with pytest.raises(BoatyardError, match=r"queue none of storage account .* with 404 QueueNotFound") as caught:
        StorageWorkQueue(rest, ACCOUNT, "none").put([message(1)])
    assert caught.value.code == "DATAPLANE_UNAVAILABLE"
