"""Sends mutated requests through every edge, and records forbidden results: a 500, a second of CPU, a leaked secret."""

import logging
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from boatyard.api import Request, Response
from boatyard.api.openapi import describe
from boatyard.api.operations import OPERATIONS
from boatyard.build import Image
from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard.settings import Settings
from tests.fuzz.edges import Edges, Saved
from tests.fuzz.examples import CANARY, examples
from tests.fuzz.largest import ARCHIVE, CONTEXT, GET_IMAGE, LARGEST
from tests.fuzz.mutate import mutate

SETTINGS: Final = Settings(default_repository="registry.example.com/images", platforms=("linux/amd64", "linux/arm64"))
IMAGE: Final = "registry.example.com/images/app:v1"
CPU_SECONDS: Final = 1.0
_STUCK_SECONDS: Final = 20
_EACH_SITE: Final = 500
"""Requests that one deployment in memory gets: then its queue is full, and most would be answered 429."""
_LARGE: Final = 1 / 1_000
_REGISTRY_DOWN: Final = 1 / 50
_EDGES: Final = ("api", "api", "api", "embedded", "function")
_GONE: Final = 499


class Finding(msgspec.Struct, frozen=True):
    number: int
    saved: Saved


class Campaign:
    """`seed` and `requests` determine everything. `answered` is called with each request's number."""

    def __init__(self, seed: int, requests: int, *, on_answer: Callable[[int], None] = lambda _: None) -> None:
        self.seed = seed
        self.requests = requests
        self.findings: list[Finding] = []
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.slowest: dict[str, float] = {}
        self._on_answer = on_answer
        self._documented = _documented()

    def run(self) -> None:
        random = Random(self.seed)  # noqa: S311 - has to be repeatable, not secret
        with tempfile.TemporaryDirectory() as folder, _quiet():
            for number in range(self.requests):
                if number % _EACH_SITE == 0:
                    edges = _deployment(Path(folder))
                    requests = _examples(edges)
                request = random.choice(requests)
                if random.random() < _LARGE:
                    request = random.choice(list(LARGEST.values()))(random.choice((0.1, 0.5, 1)))
                self._send(number, edges, random.choice(_EDGES), mutate(request, random), down=random)
                self._on_answer(number)
                if number % _EACH_SITE == _EACH_SITE - 1:
                    edges.close()

    def again(self, saved: Saved) -> Response | None:
        """Sends a saved request to a new deployment."""
        with tempfile.TemporaryDirectory() as folder, _quiet():
            edges = _deployment(Path(folder))
            _examples(edges)
            return self._send(0, edges, saved.edge, saved.request(), down=None)

    def _send(self, number: int, edges: Edges, edge: str, request: Request, *, down: Random | None) -> Response | None:
        if down is not None:
            broken = down.random() < _REGISTRY_DOWN
            edges.site.registry.failure = BoatyardError("REGISTRY_UNAVAILABLE", "no answer") if broken else None
        operation = _operation(request)
        began = time.process_time()
        try:
            with _watched():
                response = edges.edges[edge](request)
        except (Exception, Stuck) as error:
            self._find(number, request, edge, f"raises {type(error).__name__}: {error}")
            return None
        seconds = time.process_time() - began
        self.statuses[operation, response.status] += 1
        self.slowest[operation] = max(self.slowest.get(operation, 0.0), seconds)
        for why in self._wrong(operation, request, response, seconds):
            self._find(number, request, edge, why)
        return response

    def _wrong(self, operation: str, request: Request, response: Response, seconds: float) -> Iterator[str]:
        if response.status == 500 or (response.status > 504 and response.status != 507):
            yield f"answers {response.status}"
        if seconds > CPU_SECONDS:
            yield f"takes {seconds:.1f} s of CPU"
        documented = self._documented.get((operation, request.method))
        if documented and response.status not in documented | {405, _GONE}:
            yield f"answers {response.status}, which its description does not have"
        if CANARY.encode() in response.body and CANARY not in request.path + str(request.query):
            yield "answers with the value of a secret"
        kind = response.headers.get("content-type", "")
        if "json" in kind:
            try:
                msgspec.json.decode(response.body)
            except (ValueError, RecursionError):
                yield "answers something that is no JSON"

    def _find(self, number: int, request: Request, edge: str, why: str) -> None:
        self.findings.append(Finding(number, Saved.of(request, edge, why)))


def _deployment(folder: Path) -> Edges:
    edges = Edges(SETTINGS, folder)
    reference = Reference.parse(IMAGE)
    digest = "sha256:" + "1" * 64
    edges.site.registry.push(
        reference, Image(reference=str(reference.at(digest)), digest=digest, platforms=("linux/amd64",))
    )
    return edges


def _examples(edges: Edges) -> list[Request]:
    """Creates a waiting, a running and an ended build, and the secrets that specs name, and returns the examples."""
    site = edges.site
    for name in ("ci_TOKEN", "FILE", "E", "pull"):
        for project in ("ml", "default"):
            site.ask("PUT", f"/v1/secrets/{name}", {"kind": "build", "value": CANARY, "project": project})
    ids = []
    for version in ("3.10", "3.11", "3.12"):
        spec = {"baseImage": "python:3", "pythonVersion": version}
        ids.append(site.ask("POST", "/v1/builds", {"spec": spec, "project": "ml", "domain": "development"})[1]["id"])
    site.runner.begin(ids[1])
    site.runner.log(ids[1], "a line")
    site.runner.finish(ids[2], None)
    site.contexts.receive(site.contexts.upload(CONTEXT["sha256"], CONTEXT["size"]), ARCHIVE)
    return examples(ids, IMAGE)


def _operation(request: Request) -> str:
    if request.path == GET_IMAGE:
        return "getImage"
    matching = [each for each in OPERATIONS if each.pattern.match(request.path)]
    same = [each for each in matching if each.method == request.method]
    return (same or matching)[0].name if matching else "none"


def _documented() -> dict[tuple[str, str], set[int]]:
    found: dict[tuple[str, str], set[int]] = {}
    for path in describe()["paths"].values():
        for method, operation in path.items():
            statuses = {int(status) for status in operation["responses"]}
            found[operation["operationId"], method.upper()] = statuses
    return found


class Stuck(BaseException):
    """Not an Exception, because the API would answer that with 500."""


@contextmanager
def _watched() -> Iterator[None]:
    """Ends a request that never ends: raises Stuck after some seconds of CPU."""

    def stop(*_: object) -> None:
        raise Stuck(f"more than {_STUCK_SECONDS} s of CPU")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, _STUCK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides the logged tracebacks of unforeseen errors, because each is a finding already."""
    loggers = [logging.getLogger(name) for name in ("boatyard", "boatyard_local", "boatyard_aws")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
