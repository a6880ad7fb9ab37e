"""Pub/Sub for tests: Google's emulator if it is installed, and a stand-in according to the published documents."""

import base64
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import httpx

from tests.gcp.discovery import Asked
from tests.gcp.loopback import NOT_FOUND, ApiServer, GoogleError
from tests.gcp.metadata_server import PROJECT
from tests.ports import free_port

_JAR: Final = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"
_MOST_MESSAGES: Final = 1_000
_LONGEST_ATTRIBUTE: Final = 1_024


def find_emulator() -> list[str] | None:
    """The command of the emulator from `gcloud components install pubsub-emulator`; None if it is not installed."""
    gcloud, java = shutil.which("gcloud"), shutil.which("java")
    if not gcloud or not java:
        return None
    jars = sorted(Path(gcloud).resolve().parent.parent.glob(_JAR))
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")
    return [java, *quick, "-jar", str(jars[-1])] if jars else None


class Topics:
    """Topics of Pub/Sub or of its emulator, each with a subscription. `where` has its address and headers."""

    def __init__(self, where: Callable[[], tuple[str, Mapping[str, str]]], project: str, *, looks: int = 3) -> None:
        self._where = where
        self._project = project
        self._looks = looks
        self._made: list[str] = []

    def make(self, name: str) -> str:
        topic = f"projects/{self._project}/topics/{name}"
        self._ask("PUT", topic, {})
        self._made.append(topic)
        self._ask("PUT", _subscription(topic), {"topic": topic})
        return topic

    def take(self, topic: str) -> list[Any]:
        """Pulls and acknowledges the messages. A pull may wrongly find none, so it is repeated."""
        taken: list[Any] = []
        for _ in range(self._looks):
            wanted = {"maxMessages": 100, "returnImmediately": True}
            received = self._ask("POST", f"{_subscription(topic)}:pull", wanted).get("receivedMessages", [])
            if received:
                known = {"ackIds": [each["ackId"] for each in received]}
                self._ask("POST", f"{_subscription(topic)}:acknowledge", known)
            taken += [each["message"] for each in received]
        return taken

    def delete(self) -> None:
        for topic in self._made:
            self._ask("DELETE", _subscription(topic))
            self._ask("DELETE", topic)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        address, headers = self._where()
        answer = httpx.request(method, f"{address}/v1/{path}", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()


def _subscription(topic: str) -> str:
    return topic.replace("/topics/", "/subscriptions/")


class Emulator:
    """Google's emulator. `host` is the value for PUBSUB_EMULATOR_HOST."""

    def __init__(self, argv: list[str], folder: Path) -> None:
        port = free_port()
        self.host = f"127.0.0.1:{port}"
        self._log = (folder / "pubsub-emulator.log").open("wb")
        self._process = subprocess.Popen(
            [*argv, "--host=127.0.0.1", f"--port={port}"], stdout=self._log, stderr=self._log, cwd=folder
        )

    def topics(self) -> "Topics":
        return Topics(lambda: (f"http://{self.host}", {}), PROJECT)

    @contextmanager
    def pushing(self, name: str, url: str) -> Iterator[Callable[[list[dict[str, object]]], object]]:
        """A topic whose messages are pushed to the URL; gives what publishes to it."""

        def ask(method: str, path: str, body: object = None) -> None:
            address = f"http://{self.host}/v1/projects/{PROJECT}/{path}"
            httpx.request(method, address, json=body, timeout=60).raise_for_status()

        ask("PUT", f"topics/{name}", {})
        subscription = {
            "topic": f"projects/{PROJECT}/topics/{name}",
            "pushConfig": {"pushEndpoint": url},
            "ackDeadlineSeconds": 60,
            "retryPolicy": {"minimumBackoff": "0.1s", "maximumBackoff": "1s"},
        }
        ask("PUT", f"subscriptions/{name}", subscription)
        yield lambda messages: ask("POST", f"topics/{name}:publish", {"messages": messages})
        ask("DELETE", f"subscriptions/{name}")
        ask("DELETE", f"topics/{name}")

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 90
        while True:
            try:
                httpx.get(f"http://{self.host}/", timeout=5)
                return self
            except httpx.TransportError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.2)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


class Played:
    """Topics that store published messages, within Pub/Sub's limits (https://cloud.google.com/pubsub/quotas)."""

    def __init__(self, server: ApiServer) -> None:
        self.topics: dict[str, list[Any]] = {}
        server.on("pubsub.projects.topics.publish", self._publish)

    def make(self, name: str) -> str:
        topic = f"projects/{PROJECT}/topics/{name}"
        self.topics[topic] = []
        return topic

    def take(self, topic: str) -> list[Any]:
        messages, self.topics[topic] = self.topics[topic], []
        return messages

    def _publish(self, asked: Asked) -> Any:
        if asked.params["topic"] not in self.topics:
            raise NOT_FOUND
        messages = asked.body["messages"]
        if not 0 < len(messages) <= _MOST_MESSAGES:
            raise GoogleError(400, "INVALID_ARGUMENT")
        for message in messages:
            attributes = message.get("attributes", {})
            long = any(len(value.encode()) > _LONGEST_ATTRIBUTE or not value for value in attributes.values())
            if long or not (message.get("data") or attributes):
                raise GoogleError(400, "INVALID_ARGUMENT")
        kept = self.topics[asked.params["topic"]]
        kept += messages
        return {"messageIds": [str(len(kept) + number) for number in range(len(messages))]}


def body_of(message: Any) -> bytes:
    return base64.b64decode(message.get("data", ""))
