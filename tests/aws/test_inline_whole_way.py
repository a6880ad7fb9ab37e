"""Function URL -> SQS -> the function for events makes the image in the real Lambda runtime -> the real registry.

The runtime's file system can be written in one folder only, and has no shared memory, as on Lambda.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from boatyard.reference import Reference
from boatyard_aws.clients import Clients
from boatyard_aws.wiring import Parts
from boatyard_serverless.inline.state import LEASE_SECONDS, InlineStates
from tests.aws.cloud import Cloud
from tests.aws.codebuild import CodeBuild
from tests.aws.emulator import Function, running
from tests.aws.images import MANIFEST
from tests.aws.payloads import function_url, sqs
from tests.aws.site import ask, variables
from tests.buildkit.archives import pack
from tests.layers.small_site import SmallSite, small_site

pytestmark = pytest.mark.integration

Start = Callable[[], AbstractContextManager[Function]]
_PLACE = """\
set -e
mount --bind "$TMPDIR" "$TMPDIR"
mount -o remount,bind,ro /
mount -t tmpfs -o ro none /dev/shm
exec "$@"
"""
"""Lambda's file system (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html)."""


class Inline:
    """A deployment without a dataplane."""

    def __init__(self, parts: Parts, site: SmallSite, queue: str, clients: Clients, start: Start) -> None:
        self._site = site
        self.parts = parts
        self.start = start
        self._queue = queue
        self._clients = clients
        self.states = InlineStates(parts.bucket)

    def order(self, package: str, *layers: dict[str, Any]) -> dict[str, Any]:
        """An image with a package of the index, and with a file of the context, which is uploaded."""
        data, context = pack({"app.py": b"print()\n"}, ("app.py",))
        archive = {"sha256": context.sha256, "size": context.size}
        status, upload = ask(self.parts, function_url("POST", "/v1/contexts", archive))
        assert status == 201, upload
        httpx.put(upload["uploadUrl"], content=data, headers=upload["headers"]).raise_for_status()
        spec = self._site.spec(*self._site.layers(package), *layers)
        announced = {**archive, "trees": dict(context.trees)}
        return {"spec": spec, "context": announced, "project": "ml", "domain": "dev", "target": {"name": "inline"}}

    def asked(self, order: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The build's id, and the event that Lambda makes of its message."""
        status, build = ask(self.parts, function_url("POST", "/v1/builds", order))
        assert status == 202, build
        (message,) = self._clients.sqs().receive_message(QueueUrl=self._queue)["Messages"]
        return build["id"], sqs(message["Body"])

    def build(self, build_id: str) -> tuple[dict[str, Any], str]:
        _, build = ask(self.parts, function_url("GET", f"/v1/builds/{build_id}"))
        _, log = ask(self.parts, function_url("GET", f"/v1/builds/{build_id}/logs"))
        return build, "\n".join(log["lines"])

    def a_minute_later(self, build_id: str) -> None:
        """The lease of a killed function has run out."""
        held = self.states.get(build_id)
        assert held and held.state.phase == "running"
        before = msgspec.structs.replace(held.state, beat_at=held.state.beat_at - LEASE_SECONDS - 1)
        assert self.states.replace(build_id, held, before)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSite]:
    with small_site(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def make(
    cloud: Cloud,
    bucket: str,
    clients: Clients,
    site: SmallSite,
    inline_task: Path,
    lambda_runtime: Path,
    tmp_path: Path,
) -> Callable[..., Inline]:
    settings = site.settings

    def made(**more: str) -> Inline:
        queue = clients.sqs().create_queue(QueueName="events")["QueueUrl"]
        configured = variables(
            bucket,
            BOATYARD_RUNNER="inline",
            BOATYARD_QUEUE=queue,
            BOATYARD_SETTINGS=msgspec.json.encode(settings).decode(),
            BOATYARD_DEFAULT_REPOSITORY=settings.default_repository,
            **more,
        )
        writable = tmp_path / "tmp"
        writable.mkdir()
        environment = {
            **cloud.environment(),
            **configured,
            "TMPDIR": str(writable),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "300",
        }

        def start() -> AbstractContextManager[Function]:
            return running(
                inline_task,
                lambda_runtime,
                "boatyard_aws.handler.events",
                environment,
                tmp_path / "log",
                around=as_on_lambda(),
            )

        return Inline(Parts(configured), site, queue, clients, start)

    return made


def as_on_lambda() -> list[str]:
    """A command that gives its arguments Lambda's file system; none where users may not make namespaces."""
    unshare = shutil.which("unshare")
    command = [unshare or "unshare", "--user", "--map-root-user", "--mount"]
    if unshare is None or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        return []
    return [*command, "sh", "-c", _PLACE, "sh"]


def test_a_killed_function_s_image_is_finished_by_the_next_one(
    make: Callable[..., Inline], site: SmallSite, tmp_path: Path
) -> None:
    it = make()
    order = it.order("tiny")
    build_id, event = it.asked(order)
    with (
        it.start() as function,
        killed_at_its_first_layer(function, site.registry.folder),
        contextlib.suppress(httpx.HTTPError),
    ):
        function.invoke(event)
    build, log = it.build(build_id)
    assert build["state"] == "RUNNING", f"{build}\n{log}\n{(tmp_path / 'log').read_text()}"
    it.a_minute_later(build_id)

    with it.start() as function:
        assert function.invoke(event) == {"batchItemFailures": []}, function.log.read_text()
        assert function.invoke(event) == {"batchItemFailures": []}, "it comes again, and there is nothing to do"
        build, log = it.build(build_id)
        assert build["state"] == "SUCCEEDED", f"{build}\n{log}\n{function.log.read_text()}"
    assert "begins again" in log and "made from wheels" in log and "BuildKit" not in log
    assert not [path for path in (tmp_path / "tmp").iterdir() if path.is_dir()], "nothing is left for other builds"
    status, cached = ask(it.parts, function_url("POST", "/v1/builds", order))
    assert (status, cached["cached"], cached["image"]) == (200, True, build["image"])
    image = Reference.parse(build["image"])
    address = f"http://{image.repository.host}/v2/{image.repository.path}/manifests/{image.digest}"
    manifest = httpx.get(address, headers={"accept": MANIFEST}).raise_for_status().json()
    assert len(manifest["layers"]) == 5, "the base, uv, the file, uv's lock, and the package"


def test_a_layer_that_needs_a_run_is_refused_by_name(make: Callable[..., Inline]) -> None:
    it = make()
    order = it.order("tiny", {"commands": {"cmd": ["true"]}})
    status, refused = ask(it.parts, function_url("POST", "/v1/builds", order))
    assert (status, refused["code"], refused["layerIndex"]) == (422, "UNSUPPORTED", 3)
    assert not list(it.parts.bucket.keys("jobs/"))


def test_what_turns_out_to_need_buildkit_goes_on_in_codebuild(make: Callable[..., Inline], cloud: Cloud) -> None:
    codebuild = CodeBuild(cloud)
    it = make(BOATYARD_INLINE_OTHER="codebuild")
    build_id, event = it.asked(it.order("old"))
    assert not codebuild.builds
    with it.start() as function:
        assert function.invoke(event) == {"batchItemFailures": []}, function.log.read_text()
        assert "layer 1: a distribution has to be built from source" in function.log.read_text()
    assert [played.environment["BOATYARD_BUILD_ID"] for played in codebuild.builds.values()] == [build_id]
    assert it.build(build_id)[0]["state"] in ("QUEUED", "RUNNING")


@contextlib.contextmanager
def killed_at_its_first_layer(function: Function, registry: Path) -> Iterator[None]:
    """Kills the function and all its processes as soon as its job has pushed something, as a platform does."""
    pushed = registry / "data" / "docker" / "registry" / "v2" / "repositories" / "images"
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            if any(pushed.glob("**/_layers/sha256/*/link")):
                kill_tree(function.emulator_id)
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def kill_tree(process_id: int) -> None:
    """Stops each process before it looks for its children, so that none is born meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGSTOP)
        for children in Path(f"/proc/{process_id}/task").glob("*/children"):
            for child in children.read_text().split():
                kill_tree(int(child))
        os.kill(process_id, signal.SIGKILL)
