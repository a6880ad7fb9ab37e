"""Plays the Functions host before the platform's worker: HTTP requests and the queue listener, as its source has them.

https://github.com/Azure/azure-functions-host, GrpcMessageConversionExtensions.cs: lower-case header names, the URL as
it was sent, a body only with a Content-Length. https://github.com/Azure/azure-webjobs-sdk: a message that was delivered
`maxDequeueCount` times moves to `<queue>-poison`, one that failed stays invisible for a while.
"""

import base64
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from tests.azure.payloads import principal
from tests.azure.worker.environment import ROOT, VERSION, worker_python
from tests.azure.worker.process import Outcome, Worker, WorkerDied

_LOCK_SECONDS = 120


def make_bundle(folder: Path) -> None:
    """The bundles as the platform mounts them: `app`, and `app-inline`, which makes images itself."""
    worker_python()  # without it, nothing runs the bundle
    script = str(ROOT / "scripts" / "bundle")
    subprocess.run([sys.executable, script, "azure", "--python", VERSION, "--out", str(folder)], check=True)
    for name, place in (("azure", "app"), ("azure-inline", "app-inline")):
        with zipfile.ZipFile(folder / f"{name}.zip") as archive:
            archive.extractall(folder / place)


class Host:
    def __init__(self, app: Path, variables: Mapping[str, str], log: Path) -> None:
        self._app = app
        self._variables = dict(variables)
        self._log = log
        self._settings = json.loads((app / "host.json").read_text())
        self.worker = self.start()

    def start(self) -> Worker:
        """A new worker process; the one before has ended, or is ended at the test's end."""
        self.worker = Worker(self._app, self._variables, self._log)
        return self.worker

    def ask(
        self, method: str, path: str, body: Any = None, *, query: str = "", headers: Mapping[str, str] | None = None
    ) -> Outcome:
        """As App Service authentication passes it on: with its principal, unless `headers` are given."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = principal() if headers is None else dict(headers)
        if body is not None:
            sent = {"Content-Type": "application/json", "Content-Length": str(len(data)), **sent}
        request = {
            "method": method,
            "url": f"https://boatyard.azurewebsites.net{path}{'?' if query else ''}{query}",
            "headers": {name.lower(): value for name, value in sent.items()},
            "query": {},
            "params": {"path": path.lstrip("/")},
            "body": base64.b64encode(data).decode(),
        }
        return self.worker.invoke("api", "req", {"type": "http", "value": request}, {})

    def tick(self) -> Outcome:
        due = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
        return self.worker.invoke("drift", "timer", {"type": "json", "value": json.dumps(due)}, {})

    def close(self) -> None:
        self.worker.__exit__()


class Listener:
    """The host's listener of one queue trigger. A message that failed is visible again without a pause."""

    def __init__(self, host: Host, queues: QueueServiceClient, function: str) -> None:
        self._host = host
        (binding,) = [each for each in host.worker.functions[function]["bindings"] if each["type"] == "queueTrigger"]
        settings = host._settings["extensions"]["queues"]
        assert settings["messageEncoding"] == "none", "the function decodes what it gets"
        self._most = settings["maxDequeueCount"]
        self._function, self._name = function, binding["name"]
        name = binding["queueName"].replace("%BOATYARD_QUEUE%", host._variables["BOATYARD_QUEUE"])
        self.queue: QueueClient = queues.get_queue_client(name)
        self._poison = queues.get_queue_client(f"{name}-poison")

    def run(self, *, at_once: int = 1) -> list[Outcome]:
        """Delivers every message that is visible, once; `at_once` is what the host calls batchSize."""
        messages = list(self.queue.receive_messages(max_messages=32, visibility_timeout=_LOCK_SECONDS))
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(self._deliver, messages))

    def _deliver(self, message: QueueMessage) -> Outcome:
        metadata = {
            "Id": {"type": "string", "value": message.id},
            "DequeueCount": {"type": "string", "value": str(message.dequeue_count)},
            "PopReceipt": {"type": "string", "value": message.pop_receipt},
            **{
                name: {"type": "json", "value": json.dumps(moment.isoformat())}
                for name, moment in (
                    ("InsertionTime", message.inserted_on),
                    ("ExpirationTime", message.expires_on),
                    ("NextVisibleTime", message.next_visible_on),
                )
            },
        }
        body = {"type": "string", "value": message.content}
        try:
            outcome = self._host.worker.invoke(self._function, self._name, body, metadata)
        except WorkerDied:
            self._release(message)
            raise
        if outcome.ok:
            self.queue.delete_message(message)
        elif message.dequeue_count >= self._most:
            self._poison.send_message(message.content)
            self.queue.delete_message(message)
        else:
            self._release(message)
        return outcome

    def _release(self, message: QueueMessage) -> None:
        self.queue.update_message(message, visibility_timeout=0)
