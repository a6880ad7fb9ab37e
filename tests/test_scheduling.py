"""Who runs which tests, and when: the engine starts beside the first ones."""

import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tests.__main__ import LINT, PYTEST, PYTHONS, main
from tests.beside import COLLECT, Beside
from tests.beside import ENGINE as ENGINE_COMMAND
from tests.scheduling import KILLS, Scheduler

KILL = f"{KILLS[0]}::test_a"
BUILD = "tests/flyte/test_differences.py::test_b"
ENGINE = "tests/whole/test_promises.py::test_c"
IMAGE = "tests/builder/test_image.py::test_d"
UNITS = tuple(f"tests/core/test_{name}.py::test_{name}" for name in "efg")


class Node:
    """A worker that is sent tests, as xdist's controller sees it."""

    class gateway:
        id = "gw"

    def __init__(self) -> None:
        self.shutting_down = False
        self.sent: list[int] = []

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        self.sent += indices

    def shutdown(self) -> None:
        self.shutting_down = True


class Engine:
    def __init__(self, error: str | None = None) -> None:
        self.is_over = False
        self.waited = False
        self._error = error

    def wait(self) -> str | None:
        self.is_over = self.waited = True
        return self._error


class Run:
    """A run of two workers."""

    def __init__(self, pytestconfig: pytest.Config, tests: Sequence[str], engine: Any = None) -> None:
        self.tests = list(tests)
        self.scheduler = Scheduler(pytestconfig, None, engine)
        self.scheduler.numnodes = 2
        self.nodes: Any = [Node(), Node()]
        for node in self.nodes:
            self.scheduler.add_node(node)
        for node in self.nodes:
            self.scheduler.add_node_collection(node, self.tests)
        self.scheduler.schedule()

    def sent(self, number: int) -> list[str]:
        return [self.tests[index] for index in self.nodes[number].sent]

    def done(self, number: int, test: str) -> None:
        self.scheduler.mark_test_complete(self.nodes[number], self.tests.index(test))


@pytest.fixture
def config(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> pytest.Config:
    monkeypatch.setattr("xdist.scheduler.loadscope.parse_tx_spec_config", lambda config: [None, None])
    monkeypatch.setattr(pytestconfig.option, "loadscopereorder", False, raising=False)
    return pytestconfig


def test_what_needs_no_engine_runs_until_it_has_started(config: pytest.Config) -> None:
    engine = Engine()
    more = tuple(f"tests/core/test_{name}.py::test_{name}" for name in "hijk")
    run = Run(config, (BUILD, ENGINE, *UNITS, *more), engine)
    everything = {*UNITS, *more}
    assert {*run.sent(0), *run.sent(1)} <= everything and not engine.waited
    engine.is_over = True
    run.done(0, run.sent(0)[0])
    run.done(1, run.sent(1)[0])
    assert {run.sent(0)[-1], run.sent(1)[-1]} == {BUILD, ENGINE}


def test_it_waits_for_the_engine_if_nothing_else_is_left(config: pytest.Config) -> None:
    engine = Engine()
    run = Run(config, (BUILD, ENGINE, UNITS[0]), engine)
    assert engine.waited and {*run.sent(0), *run.sent(1)} == {BUILD, ENGINE, UNITS[0]}


def test_an_engine_that_does_not_start_ends_the_run_with_its_reason(config: pytest.Config) -> None:
    with pytest.raises(pytest.exit.Exception, match="no disk left"):
        Run(config, (BUILD, ENGINE), Engine("no disk left"))


def test_builder_images_wait_for_the_last_kill(config: pytest.Config) -> None:
    builds = tuple(f"tests/flyte/test_whole_images.py::test_{name}" for name in "xyz")
    run = Run(config, (KILL, *builds, IMAGE, *UNITS))
    assert run.sent(0) == [KILL, *builds] and IMAGE not in run.sent(1)
    run.done(0, KILL)
    run.done(1, run.sent(1)[0])
    assert IMAGE in run.sent(1)


def test_with_nothing_else_left_they_follow_on_the_worker_that_kills(config: pytest.Config) -> None:
    run = Run(config, (UNITS[0], KILL, BUILD, IMAGE))
    assert run.sent(0) == [UNITS[0]] and run.sent(1) == [KILL, BUILD, IMAGE]
    assert run.nodes[0].shutting_down


class Starting(Beside):
    def __init__(self, seconds: float, status: int = 0) -> None:
        code = f"import sys, time; time.sleep({seconds}); print('ended'); sys.exit({status})"
        super().__init__((sys.executable, "-c", code))


@pytest.mark.parametrize(
    ("failing", "runs"),
    [
        ((), [LINT, PYTHONS, (*PYTEST, "-x")]),
        (LINT, [LINT]),
        (PYTHONS, [LINT, PYTHONS]),
        (COLLECT, [LINT, PYTHONS]),
    ],
)
def test_tests_follow_a_clean_lint_and_imports_that_work(failing: Sequence[str], runs: list[Sequence[str]]) -> None:
    ran: list[Sequence[str]] = []
    started: dict[Sequence[str], Beside] = {}

    def beside(command: Sequence[str]) -> Beside:
        started[command] = Starting(60 if command == ENGINE_COMMAND else 0, status=int(command == failing))
        return started[command]

    def run(command: Sequence[str]) -> int:
        ran.append(command)
        return int(command == failing)

    assert main(["-x"], run, beside) == int(bool(failing))
    assert ran == runs and started.keys() == {ENGINE_COMMAND, COLLECT}
    assert all(process.is_over for process in started.values())


def test_an_engine_says_why_it_did_not_start() -> None:
    with Beside((sys.executable, "-c", "import sys; sys.exit('no disk left')")) as engine:
        assert (engine.wait() or "").strip() == "no disk left"
    with Beside((sys.executable, "-c", "print('up')")) as engine:
        assert engine.wait() is None
