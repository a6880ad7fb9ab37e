"""A function that is killed at each step of its way: the steps, and what the repeated event or request must end in."""

import itertools
import json
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
import pytest

from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.ports import Bucket
from tests.kubernetes.loopback import LoopbackCluster
from tests.registry.server import FakeRegistry

WRITES: Final = ("order", "record", "open", "list", "list of the project", "build", "record", "result")
"""Of a dropped spec's way."""
CLUSTER_WRITES: Final = ("POST jobs", "POST secrets", "PATCH jobs")
_NUMBERS: Final = itertools.count()
_WORDS: Final = {
    "specs/": "spec",
    "bases/": "order",
    "jobs/": "record",
    "open/": "open",
    "builds/of/": "list of the project",
    "builds/": "list",
    "results/": "result",
}


class Deaths:
    """Kills the function at one of its writes, and remembers all of them."""

    def __init__(self) -> None:
        self.kill: Callable[[], None] = lambda: None
        self.seen: list[str] = []
        self._left = 0

    def at(self, number: int) -> None:
        self.seen.clear()
        self._left = number

    def wrote(self, name: str) -> bool:
        """Whether the function is dead now."""
        self.seen.append(name)
        self._left -= 1
        if self._left == 0:
            self.kill()
        return self._left == 0

    def wrote_key(self, key: str) -> bool:
        return self.wrote(next(word for prefix, word in _WORDS.items() if key.startswith(prefix)))

    def in_a_cluster(self, cluster: LoopbackCluster) -> None:
        """A write at which the function dies does not arrive."""

        def before(method: str, path: str) -> str | None:
            if method == "GET":
                return None
            kind = path.partition("?")[0].partition("/namespaces/ml-dev/")[2].partition("/")[0]
            return "drop" if self.wrote(f"{method} {kind}") else None

        cluster.server.fault = before


class Events(Protocol):
    """A cloud's way from its storage to the function."""

    bucket: Bucket

    def drop(self, key: str, body: bytes) -> None:
        """Stores a spec; its event is still to be delivered."""
        ...

    def deliver(self) -> bool | None:
        """Delivers the event of the last spec, also if it was delivered before. Whether it was acknowledged; None if
        the function died."""
        ...

    def builds(self) -> list[tuple[str, str]]:
        """The cloud's own id and ours, of each build that was created."""
        ...

    def log(self) -> str: ...


def spec(images: FakeRegistry) -> dict[str, Any]:
    """Each one is another image."""
    layers = [{"pipPackages": {"packages": [f"six=={next(_NUMBERS)}"]}}]
    return {"baseImage": f"{images.address}/base:1", "pythonVersion": "3.12", "layers": layers}


def check_events(site: Events, deaths: Deaths, images: FakeRegistry) -> None:
    """A death after any write leaves an event that ends in one build."""
    images.add_image("base", "1")
    ledger = BucketLedger(site.bucket)
    for number in range(len(WRITES) + 1):  # the first one is not killed
        key, died = f"specs/ml/dev/{number}.json", WRITES[number - 1] if number else ""
        deaths.at(-1)
        site.drop(key, json.dumps({"spec": spec(images)}).encode())
        known = len(site.builds())
        deaths.at(number)
        first = site.deliver()
        assert (first is None) is bool(number), (died, site.log())
        if not number:
            assert tuple(deaths.seen) == WRITES, "the way as it is killed below"
        for _ in range(4):
            answer = site.deliver()
            assert answer is not None, (died, site.log())
            if answer:
                break
            _pass_a_minute(ledger)
        else:
            pytest.fail(f"killed after {died}, the event is refused forever: {site.log()}")
        made = site.builds()[known:]
        (build_id,) = {ours for _, ours in made}
        held = ledger.get(build_id)
        assert held and held.record.execution.rpartition("/")[2] == made[-1][0], died
        # The build service has no idempotency token: the job's own lock lets one of two do the work.
        assert len(made) == (2 if died == "build" else 1), died
        stored = site.bucket.get(f"results/ml/dev/{number}.json")
        assert stored and json.loads(stored.body)["id"] == build_id, died
        assert build_id in {each for _, each in ledger.open()}, died
    assert len(list(site.bucket.keys("bases/built/"))) == len(WRITES) + 1, "a push of the base rebuilds all of them"


def check_requests(
    send: Callable[[Any], tuple[int, Any] | None], deaths: Deaths, cluster: LoopbackCluster, images: FakeRegistry
) -> None:
    """A death before or after any write to the cluster leaves a request that ends in one Job. `send` posts an order and
    returns None if the function died."""
    for number in range(len(CLUSTER_WRITES) + 1):
        order = {"spec": spec(images), "project": "ml", "domain": "dev"}
        known = len(cluster.objects("Job"))
        deaths.at(number)
        assert (send(order) is None) is bool(number)
        if not number:
            assert tuple(deaths.seen) == CLUSTER_WRITES, "the way as it is killed below"
        answer, again = send(order), send(order)
        assert answer and answer[0] == 202 and again
        assert again[1]["joined"] and again[1]["id"] == answer[1]["id"]
        jobs = cluster.objects("Job")[known:]
        assert len(jobs) == 1 and not jobs[0]["spec"].get("suspend"), number
    assert len(cluster.objects("Pod")) == len(CLUSTER_WRITES) + 1


def _pass_a_minute(ledger: BucketLedger) -> None:
    """Since the claims of builds that nobody has started."""
    for key in ledger.bucket.keys("jobs/"):
        _, tag, number, _ = key.split("/")
        held = ledger.get(f"{tag}-{int(number)}")
        if held and not held.record.execution:
            ledger.replace(held, msgspec.structs.replace(held.record, claimed_at=held.record.claimed_at - 61))
