"""Endlessly nested JSON wherever the runner reads foreign JSON: each case has a defined answer. A broken object hides
no other."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from lightkube.resources.batch_v1 import Job

from boatyard.build import State
from boatyard.cluster_doctor import NotExamined
from boatyard.errors import BoatyardError
from boatyard.finding import Level
from boatyard.ports import BuildQuery
from boatyard_kubernetes import Cluster, connect
from boatyard_kubernetes.doctor.kubeconfig import find_config
from boatyard_kubernetes.names import job_name
from boatyard_kubernetes.refusals import ClusterCall, refused
from tests.kubernetes.doctors import examine
from tests.kubernetes.loopback.job_controller import JOBS
from tests.kubernetes.site import NAMESPACE, TOKEN, Site, site
from tests.local.jobs import job, tag

ID = f"{tag()}-1"
NAME = job_name(ID)
DEEP = ["[" * 5000, '{"a":' * 5000, '{"state":"FAILED","x":' + "[" * 5000 + "]" * 5000 + "}"]


@pytest.mark.parametrize("deep", DEEP)
def test_a_termination_message(deep: str) -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.end(NAME, 1, deep[:4096])
        build = it.runner.status(ID)
        assert build and build.state is State.ERRORED and build.error and build.error.code == "BUILDER_LOST"


@pytest.mark.parametrize("deep", DEEP)
def test_lines_of_a_log(deep: str) -> None:
    with site() as (it, node):
        it.runner.ensure(job(), tag(), force=False)
        node.start(NAME)
        node.log(NAME, '{"progress":' + deep, '{"line":' + deep)
        assert (build := it.runner.status(ID)) and build.state is State.RUNNING
        page = it.runner.logs(ID, "")
        assert page and len(page.lines) == 2


@pytest.mark.parametrize("deep", DEEP)
def test_why_a_job_was_stopped(deep: str) -> None:
    with site() as (it, _):
        it.runner.ensure(job(), tag(), force=False)
        annotations = {"boatyard.io/stopped": deep}
        it.cluster.store.change(JOBS, NAMESPACE, NAME, lambda o: o["metadata"]["annotations"].update(annotations))
        assert (build := it.runner.status(ID)) and build.state is State.CANCELLED
        assert it.runner.list(BuildQuery()).builds


@pytest.mark.parametrize("deep", DEEP)
def test_what_the_doctors_pods_say(deep: str) -> None:
    with site() as (it, _):
        report = examine(it, raw=deep[:4096])
        assert report["builder image"].status is Level.FAIL
        assert report.chosen.status is Level.FAIL


def test_a_kubeconfig(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "config"
    file.write_text("[" * 1500)
    with pytest.raises(NotExamined, match="is not a kubeconfig"):
        find_config(str(file))


@contextmanager
def server(*pieces: bytes, pause: float = 0) -> Iterator[Cluster]:
    """An API server that answers every request with these pieces in order."""
    listener = socket.create_server(("127.0.0.1", 0))
    closed = threading.Event()

    def serve(line: socket.socket) -> None:
        with line:
            line.recv(65536)
            for piece in pieces:
                with contextlib.suppress(OSError):
                    line.sendall(piece)
                if closed.wait(pause):
                    return

    def accept() -> None:
        while not closed.is_set():
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(line,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    made = Site()
    config = made.cluster.kubeconfig(TOKEN)
    config.clusters["default"].server = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield connect(config, read_seconds=2, operation_seconds=1.5)
    finally:
        closed.set()
        listener.close()
        made.close()


@pytest.mark.parametrize("deep", DEEP)
def test_an_api_server(deep: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(deep)}\r\n\r\n"
    with server(head.encode() + deep.encode()) as cluster, pytest.raises(BoatyardError) as error:
        cluster.find(Job, NAMESPACE)
    assert error.value.code == "DATAPLANE_UNAVAILABLE"


@pytest.mark.parametrize("deep", DEEP)
def test_a_refusal(deep: str) -> None:
    import httpx2

    found = refused(ClusterCall("get", "jobs", "a"), httpx2.Response(500, content=deep.encode()))
    assert isinstance(found, BoatyardError) and len(found.detail) < 500


def test_an_answer_that_drips_is_left_in_time() -> None:
    """Each byte arrives before a read times out, but the answer never ends."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    begun = time.monotonic()
    with server(head, *[b" "] * 1000, pause=0.2) as cluster:
        with cluster.in_time(), pytest.raises(BoatyardError) as error:
            cluster.find(Job, NAMESPACE)
        assert error.value.code == "DATAPLANE_UNAVAILABLE" and "in time" in error.value.detail
    assert time.monotonic() - begun < 4


def test_all_requests_of_one_question_have_one_deadline_together() -> None:
    """The times of three attempts at a silent server, or of ten requests, do not add up."""
    begun = time.monotonic()
    with server(b"", pause=30) as cluster, cluster.in_time():
        for _ in range(3):
            with pytest.raises(BoatyardError):
                cluster.find(Job, NAMESPACE)
    assert time.monotonic() - begun < 4
