"""The build service's container runs a job once, however often the service starts it."""

import subprocess
from pathlib import Path

import msgspec
import pytest

from boatyard.build import State
from boatyard.context import Context
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobContext, JobSecret
from boatyard.memory import ManualClock, MemoryContextStore
from boatyard.ports import Scope
from boatyard_serverless.builds import job as job_step
from boatyard_serverless.builds.process import JobHost
from tests.local.jobs import job, tag
from tests.serverless.test_builds import ID, Place


def step(it: Place, *, missing: str = "") -> JobHost:
    def read_secret(scope: Scope, name: str) -> bytes:
        if name == missing:
            raise BoatyardError("SECRET_NOT_FOUND", f"there is no secret {missing}", missing=(missing,))
        return f"{name} of {scope.project}".encode()

    return JobHost(
        ledger=it.ledger,
        contexts=MemoryContextStore(ManualClock()),
        read_secret=read_secret,
        programs=lambda folder: {"PATH": "/usr/bin"},
        own_container=False,
    )


@pytest.fixture
def it() -> Place:
    return Place()


def test_the_job_runs_once_even_if_the_service_starts_it_twice(it: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    it.ensure()
    ran: list[list[str]] = []

    class Process:
        returncode = 0

        def __init__(self, argv: list[str], env: dict[str, str], pass_fds: tuple[int, ...]) -> None:
            ran.append(argv)

        def poll(self) -> int:
            return 0

    monkeypatch.setattr(subprocess, "Popen", Process)
    assert job_step.main(ID, "one", step(it), {}) == 0
    assert job_step.main(ID, "two", step(it), {}) == 0
    assert len(ran) == 1 and ran[0][1:3] == ["-m", "boatyard_buildkit"]


@pytest.mark.parametrize("build_id", ["", "x", "../../etc", "0" * 32 + "-9"])
def test_a_build_that_nobody_asked_for_is_nothing_to_do(it: Place, build_id: str) -> None:
    assert job_step.main(build_id, "one", step(it), {}) == 0
    assert not list(it.bucket.keys("jobs/"))


def test_a_cancelled_build_is_nothing_to_do(it: Place) -> None:
    it.ensure()
    it.runner.cancel(ID)
    assert job_step.main(ID, "one", step(it), {}) == 0


def test_secrets_are_files_of_the_job_s_own(it: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, tuple[bytes, int]] = {}

    class Process:
        returncode = 0

        def __init__(self, argv: list[str], env: dict[str, str], pass_fds: tuple[int, ...]) -> None:
            folder = Path(argv[argv.index("--secrets") + 1])
            assert folder.stat().st_mode & 0o777 == 0o700
            seen.update({path.name: (path.read_bytes(), path.stat().st_mode & 0o777) for path in folder.iterdir()})

        def poll(self) -> int:
            return 0

    def with_secrets(attempt: int) -> BuildJob:
        return msgspec.structs.replace(
            job()(attempt), secrets=(JobSecret(id="x", name="TOKEN"),), registry_secrets=("LOGIN", "TOKEN")
        )

    monkeypatch.setattr(subprocess, "Popen", Process)
    made = it.runner.ensure(with_secrets, tag(), force=False)
    assert job_step.main(made.build.id, "one", step(it), {}) == 0
    project = with_secrets(1).project
    assert seen == {name: (f"{name} of {project}".encode(), 0o600) for name in ("TOKEN", "LOGIN")}


def test_a_secret_that_is_gone_is_the_job_s_result(it: Place) -> None:
    def with_secret(attempt: int) -> BuildJob:
        return msgspec.structs.replace(job()(attempt), secrets=(JobSecret(id="x", name="TOKEN"),))

    it.runner.ensure(with_secret, tag(), force=False)
    it.service.run(ID)
    assert job_step.main(ID, "one", step(it, missing="TOKEN"), {}) == 1
    build = it.runner.status(ID)
    assert build and build.state is State.FAILED and build.error and build.error.code == "SECRET_NOT_FOUND"


def test_addresses_of_the_context_are_made_when_the_job_begins(it: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's addresses may have expired while the build waited."""
    seen: list[BuildJob] = []

    class Process:
        returncode = 0

        def __init__(self, argv: list[str], env: dict[str, str], pass_fds: tuple[int, ...]) -> None:
            seen.append(msgspec.json.decode(Path(argv[argv.index("--job") + 1]).read_bytes(), type=BuildJob))

        def poll(self) -> int:
            return 0

    class Contexts(MemoryContextStore):
        def refusal_url(self, sha256: str) -> str:
            return f"memory:refuse/{sha256}"

    def with_context(attempt: int) -> BuildJob:
        context = JobContext(context=Context(sha256="c" * 64, size=1), url="old", refusal_url="old")
        return msgspec.structs.replace(job()(attempt), context=context)

    monkeypatch.setattr(subprocess, "Popen", Process)
    it.runner.ensure(with_context, tag(), force=False)
    host = msgspec.structs.replace(step(it), contexts=Contexts(ManualClock()))
    assert job_step.main(ID, "one", host, {}) == 0
    found = seen[0].context
    assert found and (found.url, found.refusal_url) == (f"memory:{'c' * 64}", f"memory:refuse/{'c' * 64}")
