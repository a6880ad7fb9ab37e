"""A function that carries builds out itself makes each of them once, however often messages come and functions die."""

import itertools
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.build import Build, Failure, State
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob, JobResult, JobStep, JobSteps
from boatyard.memory import ManualClock, MemoryContextStore
from boatyard.ports import Scope
from boatyard.settings import Settings
from boatyard_serverless.builds import ServiceJobRunner
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.process import JobHost, JobProgram
from boatyard_serverless.events.model import BuildWaiting
from boatyard_serverless.events.outcome import EventOutcome
from boatyard_serverless.inline import InlineBuilds
from boatyard_serverless.inline import building as building_module
from boatyard_serverless.inline.building import InlineBuilding
from boatyard_serverless.inline.routing import InlineOrOther
from boatyard_serverless.inline.state import InlineStates
from boatyard_serverless.memory import MemoryBucket, MemoryBuildService, MemoryWorkQueue
from boatyard_serverless.ports import BuildService, Unsure
from tests.local.jobs import STAND_IN, job, tag
from tests.serverless.parts import MemoryParts

ID = f"{tag()}-1"
TIMED_OUT = JobResult(
    state=State.TIMED_OUT, error=Failure(code="TIMED_OUT", message="the build's 3 s were over", advice="less")
)


class Killed(BaseException):
    """The platform ends the function."""


class Site:
    """A deployment whose functions carry builds out; each `deliver` is one function."""

    def __init__(self, folder: Path, *, other: BuildService | None = None) -> None:
        self.clock = ManualClock()
        self.bucket = MemoryBucket()
        self.queue = MemoryWorkQueue()
        self.ledger = BucketLedger(self.bucket)
        self.states = InlineStates(self.bucket)
        self.missing = ""
        self.folder = folder
        self.other = other
        inline = InlineBuilds(self.bucket, self.queue, self.clock)
        service = InlineOrOther(inline, other, self.ledger) if other else inline
        self.runner = ServiceJobRunner(self.bucket, service, self.clock, Settings())

    def ask(self, **script: Any) -> None:
        timeout = script.pop("timeout", 60)
        self.runner.ensure(job(timeout=timeout, **{"lines": ["hello"], **script}), tag(), force=False)

    def deliver(self, message: str = "m", *, seconds_left: float | None = None) -> EventOutcome:
        host = JobHost(
            ledger=self.ledger,
            contexts=MemoryContextStore(self.clock),
            read_secret=self._read_secret,
            programs=lambda _: {"PATH": "/usr/bin:/bin"},
            own_container=False,
        )
        other = self.other
        building = InlineBuilding(
            lambda: host,
            self.clock,
            event_seconds=100,
            other=(lambda: other) if other else None,
            folder=self.folder,
        )
        return building(BuildWaiting(build=ID), message=message, seconds_left=seconds_left)

    def build(self) -> Build:
        found = self.runner.status(ID)
        assert found
        return found

    def log(self) -> tuple[str, ...]:
        page = self.runner.logs(ID, "")
        assert page
        return page.lines

    def _read_secret(self, scope: Scope, name: str) -> bytes:
        if self.missing == name:
            raise BoatyardError("SECRET_NOT_FOUND", f"there is no secret {name}", missing=(name,))
        raise BoatyardError("DATAPLANE_UNAVAILABLE", "later")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list["subprocess.Popen[bytes]"]:
    """The processes of jobs, for which the stand-in plays `boatyard_buildkit`."""
    made: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def start(argv: list[str], env: dict[str, str], pass_fds: Sequence[int]) -> "subprocess.Popen[bytes]":
        assert argv[1:3] == ["-m", "boatyard_buildkit"] and env["PYTHONPATH"]
        # What a killed job leaves there is removed by the next build.
        assert all(Path(env[name]).parent.name == "boatyard-inline" for name in ("HOME", "TMPDIR"))
        job_file, out = (argv[argv.index(name) + 1] for name in ("--job", "--out"))
        made.append(real([sys.executable, "-S", "-E", str(STAND_IN), job_file, out], env=env, pass_fds=pass_fds))
        return made[-1]

    monkeypatch.setattr("boatyard_serverless.builds.process._LOOK_SECONDS", 0.02)
    monkeypatch.setattr("boatyard_serverless.builds.process.subprocess.Popen", start)
    return made


@pytest.fixture
def it(tmp_path: Path, runs: list[Any]) -> Site:
    return Site(tmp_path)


def test_the_message_of_a_start_is_the_build(it: Site, runs: list[Any]) -> None:
    it.ask(lines=["one", "two"])
    assert it.build().state is State.QUEUED
    assert it.queue.take() == [{"boatyardEvent": "build-waiting", "build": ID}]
    assert it.deliver().builds == (ID,)
    assert it.build().state is State.SUCCEEDED and it.log() == ("one", "two")
    page = it.runner.logs(ID, "")
    assert page and page.done
    assert not it.ledger.open() and [each.name for each in it.folder.iterdir()] == ["boatyard-inline.lock"]


def test_ten_messages_are_one_build(it: Site, runs: list[Any]) -> None:
    it.ask()
    outcomes = [it.deliver(f"m{number}") for number in range(10)]
    assert len(runs) == 1 and [outcome.ignored == "" for outcome in outcomes] == [True, *[False] * 9]


def test_while_a_function_works_other_messages_are_done_and_its_own_comes_again(
    it: Site, runs: list[Any], tmp_path: Path
) -> None:
    it.ask()
    other = Site(tmp_path / "another instance")
    other.folder.mkdir()
    other.bucket, other.ledger, other.clock = it.bucket, it.ledger, it.clock
    said: list[str] = []

    def meanwhile(self: Any, process: "subprocess.Popen[bytes]") -> None:
        if not said:
            said.append(other.deliver("another").ignored)
            with pytest.raises(BoatyardError) as again:
                other.deliver("m")
            assert again.value.meaning.retryable
            assert it.build().state is State.RUNNING

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building_module._Work, "_tick", meanwhile)
        it.deliver("m")
    assert said == ["another function carries it out"] and len(runs) == 1
    assert it.build().state is State.SUCCEEDED


def kill_during(it: Site) -> None:
    """Delivers the message to a function that is killed while its job runs."""

    def die(self: Any, process: "subprocess.Popen[bytes]") -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(building_module._Work, "_tick", die)
        it.deliver()


def test_a_killed_function_s_build_is_begun_again_by_the_next_delivery(it: Site, runs: list[Any]) -> None:
    it.ask(seconds=0.2)
    kill_during(it)
    with pytest.raises(BoatyardError) as early:
        it.deliver()
    assert early.value.meaning.retryable, "nobody knows yet that the function was killed"
    it.clock.sleep(61)
    assert it.deliver().builds == (ID,)
    assert len(runs) == 2 and it.build().state is State.SUCCEEDED
    assert "begins again" in it.log()[0]


def test_whoever_looks_at_a_build_whose_function_was_killed_sends_its_message_once(it: Site) -> None:
    it.ask(seconds=0.2)
    kill_during(it)
    assert it.build().state is State.RUNNING and len(it.queue.take()) == 1
    it.clock.sleep(61)
    assert [it.build().state for _ in range(5)] == [State.RUNNING] * 5
    assert it.queue.take() == [{"boatyardEvent": "build-waiting", "build": ID}]
    it.deliver("another message")
    assert it.build().state is State.SUCCEEDED


def test_a_message_that_the_queue_did_not_take_is_sent_by_the_next_look(it: Site) -> None:
    it.ask(seconds=0.2)
    kill_during(it)
    it.queue.take()
    it.clock.sleep(61)
    it.queue.failure = BoatyardError("DATAPLANE_UNAVAILABLE", "no")
    it.build()
    it.queue.failure = None
    it.build()
    assert len(it.queue.take()) == 1


def test_a_lost_message_is_sent_again(it: Site) -> None:
    it.ask()
    it.queue.take()
    it.clock.sleep(60)
    assert it.build().state is State.QUEUED and not it.queue.take()
    it.clock.sleep(900)
    assert it.build().state is State.QUEUED and len(it.queue.take()) == 1


def test_a_build_that_kills_its_functions_ends_with_the_reason(it: Site, runs: list[Any]) -> None:
    it.ask(seconds=0.2)
    for _ in range(3):
        kill_during(it)
        it.clock.sleep(61)
    build = it.build()
    assert build.state is State.ERRORED and build.error and build.error.code == "BUILDER_LOST"
    assert "memory" in build.error.message
    assert it.deliver().ignored and len(runs) == 3


def test_a_function_that_was_only_paused_writes_nothing_more(
    it: Site, runs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one has taken the build meanwhile."""
    it.ask(seconds=5)
    real = building_module._Work._tick

    def pause(self: Any, process: "subprocess.Popen[bytes]") -> None:
        it.clock.sleep(61)
        held = it.states.get(ID)
        assert held
        it.states.replace(ID, held, msgspec.structs.replace(held.state, taken=2, beat_at=it.clock.now()))
        real(self, process)

    monkeypatch.setattr(building_module._Work, "_tick", pause)
    assert "another function" in it.deliver().ignored
    assert runs[0].poll() is not None, "its job is ended"
    assert it.ledger.document(ID, "result") is None


def test_a_function_that_dies_at_any_write_leaves_one_build_with_one_result(tmp_path: Path, runs: list[Any]) -> None:
    for number in itertools.count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        it = Site(folder)
        it.ask()
        died = _dies_at_write(it, number)
        for _ in range(3):
            it.clock.sleep(61)
            if it.build().state.ended:
                break
            it.deliver()
        assert it.build().state is State.SUCCEEDED, number
        if not died:
            break
    assert number > 6


def _dies_at_write(it: Site, number: int) -> bool:
    writes = itertools.count(1)

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def write(*arguments: Any) -> Any:
            done = real(*arguments)
            if next(writes) == number:
                raise Killed
            return done

        return write

    with pytest.MonkeyPatch.context() as patch:
        for name in ("put", "create", "replace"):
            patch.setattr(it.bucket, name, dying(getattr(it.bucket, name)))
        try:
            it.deliver()
        except Killed:
            return True
    return False


def test_a_cancelled_build_stops(it: Site, runs: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    it.ask(seconds=30)
    real = building_module._Work._tick

    def cancel(self: Any, process: "subprocess.Popen[bytes]") -> None:
        if not it.build().state.ended:
            it.runner.cancel(ID)
        it.clock.sleep(6)
        real(self, process)

    monkeypatch.setattr(building_module._Work, "_tick", cancel)
    it.deliver()
    assert runs[0].returncode == -15 and it.build().state is State.CANCELLED


def test_a_build_that_is_cancelled_while_it_waits_never_runs(it: Site, runs: list[Any]) -> None:
    it.ask()
    it.runner.cancel(ID)
    assert it.deliver().ignored and not runs


def test_a_job_that_cannot_be_stopped_is_killed(it: Site, runs: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building_module, "_GRACE_SECONDS", 0.1)
    it.ask(seconds=30, deaf=True)
    real = building_module._Work._tick

    def cancel(self: Any, process: "subprocess.Popen[bytes]") -> None:
        if it.log():
            it.runner.cancel(ID)
        it.clock.sleep(6)
        real(self, process)

    monkeypatch.setattr(building_module._Work, "_tick", cancel)
    it.deliver()
    assert runs[0].returncode == -9 and it.build().state is State.CANCELLED


class TestTime:
    def test_the_job_has_what_the_function_has_left(self, it: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[BuildJob] = []
        real = JobProgram.start

        def start(self: JobProgram, job: BuildJob, access: Any, **environment: Any) -> Any:
            seen.append(job)
            return real(self, job, access, **environment)

        monkeypatch.setattr(JobProgram, "start", start)
        it.ask(timeout=3600)
        it.deliver(seconds_left=300)
        assert 280 <= seen[0].timeout_seconds <= 285
        assert 0 < seen[0].disk_bytes < sys.maxsize

    def test_a_timeout_by_the_function_s_limit_says_so(self, it: Site) -> None:
        it.ask(timeout=3600, result=msgspec.to_builtins(TIMED_OUT))
        it.deliver()
        build = it.build()
        assert build.state is State.TIMED_OUT and build.error
        assert "function for events" in build.error.message and "3 s" in build.error.message

    def test_a_timeout_by_the_build_s_own_limit_is_as_everywhere(self, it: Site) -> None:
        it.ask(timeout=60, result=msgspec.to_builtins(TIMED_OUT))
        it.deliver()
        build = it.build()
        assert build.error and build.error.message == "the build's 3 s were over"

    def test_a_job_that_outlives_its_time_is_killed(
        self, it: Site, runs: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(building_module, "_LEAST_SECONDS", 0.0)
        monkeypatch.setattr(building_module, "_END_SECONDS", 0.2)
        it.ask(seconds=30, deaf=True)
        it.deliver(seconds_left=0.6)
        assert runs[0].returncode == -9 and it.build().state is State.TIMED_OUT

    def test_a_function_without_time_for_a_build_leaves_it(self, it: Site, runs: list[Any]) -> None:
        it.ask()
        with pytest.raises(BoatyardError) as refused:
            it.deliver(seconds_left=20)
        assert refused.value.meaning.retryable and not runs
        it.deliver()
        assert it.build().state is State.SUCCEEDED


class TestEnds:
    def test_a_job_that_dies_is_said(self, it: Site) -> None:
        it.ask(exit=3)
        it.deliver()
        build = it.build()
        assert build.state is State.ERRORED and build.error and "code 3" in build.error.message

    def test_a_secret_that_is_gone_is_the_result(self, it: Site, runs: list[Any]) -> None:
        it.missing = "LOGIN"
        it.runner.ensure(_with_login, tag(), force=False)
        it.deliver()
        build = it.build()
        assert build.state is State.FAILED and build.error and build.error.code == "SECRET_NOT_FOUND"
        assert not runs and "SECRET_NOT_FOUND" in it.log()[0]

    def test_a_secret_that_cannot_be_read_now_brings_the_message_again(self, it: Site, runs: list[Any]) -> None:
        it.runner.ensure(_with_login, tag(), force=False)
        with pytest.raises(BoatyardError) as refused:
            it.deliver()
        assert refused.value.meaning.retryable and it.build().state is State.QUEUED
        it.missing = "LOGIN"
        it.deliver()
        assert it.build().state is State.FAILED


def _with_login(attempt: int) -> BuildJob:
    return msgspec.structs.replace(job()(attempt), registry_secrets=("LOGIN",))


class TestRouting:
    def test_what_needs_a_run_goes_to_the_other_service(self, tmp_path: Path) -> None:
        other = MemoryBuildService()
        it = Site(tmp_path, other=other)
        for number, makers in enumerate((("wheels", "config"), ("run", "wheels"), None)):
            it.runner.ensure(_made_by(number, makers), tag(number), force=False)
        assert [message["build"] for message in it.queue.take()] == [ID]
        assert list(other._builds) == [f"{tag(1)}-1", f"{tag(2)}-1"]
        for number in range(3):
            build_id = f"{tag(number)}-1"
            assert it.runner.status(build_id).state is State.QUEUED  # type: ignore[union-attr]
            it.runner.cancel(build_id)
            assert it.runner.status(build_id).state is State.CANCELLED  # type: ignore[union-attr]
        assert len(other.stopped) == 2


def _made_by(number: int, makers: tuple[Any, ...] | None) -> Callable[[int], BuildJob]:
    steps = JobSteps(
        opening="0" * 64,
        opening_lines=1,
        layers=tuple(JobStep(maker=maker, prefix="1" * 64) for maker in makers or ()),
    )
    return lambda attempt: msgspec.structs.replace(job(number)(attempt), steps=steps if makers else None)


NEEDS_BUILDKIT = JobResult(
    state=State.FAILED, error=Failure(code="UNSUPPORTED", message="a step needs BuildKit", advice="wheels")
)


class TestHandOver:
    """Whether every package has a wheel is known only when the job looks."""

    @pytest.fixture
    def other(self) -> MemoryBuildService:
        return MemoryBuildService()

    @pytest.fixture
    def it(self, tmp_path: Path, other: MemoryBuildService, runs: list[Any]) -> Site:
        site = Site(tmp_path, other=other)
        script = {"lines": ["layer 0: no wheel of six"], "result": msgspec.to_builtins(NEEDS_BUILDKIT)}
        make = _made_by(0, ("wheels",))
        site.runner.ensure(
            lambda attempt: msgspec.structs.replace(make(attempt), dockerfile=job(**script)(1).dockerfile),
            tag(),
            force=False,
        )
        return site

    def test_a_build_whose_job_needs_buildkit_goes_on_elsewhere(
        self, it: Site, other: MemoryBuildService, runs: list[Any]
    ) -> None:
        outcome = it.deliver()
        assert outcome.problems and list(other._builds) == [ID]
        held = it.ledger.get(ID)
        assert held and held.record.execution == other.execution(ID)
        other.run(ID)
        assert it.build().state is State.RUNNING
        it.ledger.write(ID, "result")(
            msgspec.json.encode(JobResult(state=State.SUCCEEDED, digest="sha256:" + "a" * 64))
        )
        other.end(ID)
        assert it.build().state is State.SUCCEEDED
        assert it.deliver().ignored and len(runs) == 1

    def test_a_start_that_nobody_answered_brings_the_message_again(self, it: Site, other: MemoryBuildService) -> None:
        other.failure = Unsure()
        with pytest.raises(BoatyardError) as again:
            it.deliver()
        assert again.value.meaning.retryable and not it.build().state.ended
        other.failure = None
        it.clock.sleep(61)
        it.deliver()
        assert list(other._builds) == [ID]

    def test_a_cancelled_build_is_not_given_to_anybody(self, it: Site, other: MemoryBuildService) -> None:
        it.build()
        held = it.ledger.get(ID)
        assert held
        it.ledger.replace(held, msgspec.structs.replace(held.record, stopping=True))
        it.deliver()
        assert not other._builds and it.build().state is State.CANCELLED


def test_the_real_job_without_buildkit_refuses_by_name(tmp_path: Path) -> None:
    it = Site(tmp_path)
    it.runner.ensure(job(), tag(), force=False)
    it.deliver()
    build = it.build()
    assert build.state is State.FAILED and build.error and build.error.code == "UNSUPPORTED", (build, it.log())
    assert "BuildKit" in build.error.message and "BuildKit" in it.log()[-1]


class TestEvents:
    def test_a_message_reaches_what_carries_it_out(self) -> None:
        parts = MemoryParts()
        asked: list[tuple[BuildWaiting, str]] = []

        def builds(event: BuildWaiting, *, message: str, seconds_left: float | None) -> EventOutcome:
            asked.append((event, message))
            return EventOutcome(event="build")

        parts.builds = builds
        assert parts.deliver({"boatyardEvent": "build-waiting", "build": ID}) is None
        assert asked == [(BuildWaiting(build=ID), "m")]

    def test_a_function_that_carries_nothing_out_says_so(self) -> None:
        parts = MemoryParts()
        assert parts.deliver({"boatyardEvent": "build-waiting", "build": ID}) is None
        assert [code for _, code, _ in parts.dead_letters.kept] == ["UNSUPPORTED"]

    @pytest.mark.parametrize("name", ["", "x", "../../etc", tag()])
    def test_a_build_that_nobody_asked_for_is_nothing_to_do(self, it: Site, name: str) -> None:
        building = InlineBuilding(lambda: _host(it), it.clock, event_seconds=100, folder=it.folder)
        assert building(BuildWaiting(build=name), message="m", seconds_left=None).ignored


def _host(it: Site) -> JobHost:
    return JobHost(
        ledger=it.ledger,
        contexts=MemoryContextStore(it.clock),
        read_secret=lambda *_: b"",
        programs=lambda _: {},
        own_container=False,
    )
