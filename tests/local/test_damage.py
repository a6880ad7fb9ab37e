"""With any file of the state folder damaged in any way, the server starts, and every image can be built."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from boatyard.build import Build, State
from boatyard.ports import BuildQuery
from boatyard.settings import Limits
from boatyard_local.clock import SystemClock
from boatyard_local.jobs import LocalJobRunner
from boatyard_local.state import BuildFolder, StateFolder
from tests.local.jobs import QUICK, ended, job, runner, tag, until
from tests.local.servers import ServerProcess

BUILD_FILES = ("job.json", "record.json", "pid", "lock", "progress.json", "log.jsonl", "result.json", "output", "work")
SERVER_FILES = ("upload.key", "buildkit.json", "server.json", "port", "server.lock", "server.log", ".gitignore")
FOLDERS = ("builds", "contexts", "secrets")


def truncate(path: Path) -> None:
    path.write_bytes((path.read_bytes() if path.is_file() else b'{"number":12,')[:11])


def write(data: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(data) and None


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**31)


def become_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def become_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    (path / "in/it").mkdir(parents=True)


def become_link(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def go_round(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "gone": lambda path: path.unlink(missing_ok=True),
    "empty": write(b""),
    "truncated": truncate,
    "zeros": write(bytes(4096)),
    "noise": write(bytes(range(256)) * 8),
    "not-utf-8": write(b'{"id":"\xff\xfe","number":1}'),
    "deep": write(b"[" * 100_000),
    "deep-unknown-field": write(b'{"x":' + b"[" * 100_000),
    "an-empty-object": write(b"{}"),
    "a-list": write(b"[1,2,3]"),
    "numbers-too-large": write(b'{"number":' + b"9" * 400 + b"}"),
    "a-pid-of-ours": lambda path: path.write_text(f"{os.getpid()}\n") and None,
    "everybody's-pid": write(b"-1\n"),
    "two-gigabytes": sparse,
    "a-pipe": become_pipe,
    "a-folder": become_folder,
    "a-link-to-zeros": become_link,
    "a-link-to-itself": go_round,
}


def place(path: Path, damage: Callable[[Path], None]) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    damage(path)


def quick(path: Path, *, concurrent: int = 8) -> LocalJobRunner:
    """Its jobs succeed immediately."""
    limits = Limits(concurrent_builds=concurrent)
    return LocalJobRunner(StateFolder(path), SystemClock(), argv=sh, limits=limits, patience=QUICK).open()


def sh(folder: BuildFolder, build: Build) -> list[str]:
    return ["/bin/sh", "-c", f'echo \'{{"state":"SUCCEEDED","digest":"sha256:{"c" * 64}"}}\' > result.json']


def build_all(it: LocalJobRunner, numbers: Iterable[int]) -> list[Build]:
    asked = [it.ensure(job(number), tag(number), force=True).build.id for number in numbers]
    return [ended(it, build_id, 60) for build_id in asked]


def builds_again(path: Path, numbers: Iterable[int] = range(3)) -> list[Build]:
    """Starts a server on the folder, which builds every image. Returns all builds that it knows afterwards."""
    it = quick(path)
    try:
        for build in build_all(it, numbers):
            assert build.state is State.SUCCEEDED, build
        builds = it.list(BuildQuery(page_size=1000)).builds
        for build in builds:
            assert it.status(build.id) == build and it.logs(build.id, "") is not None and it.cancel(build.id) == build
        return list(builds)
    finally:
        it.close()


@pytest.fixture
def three(tmp_path: Path) -> list[BuildFolder]:
    """Two attempts of one image, and one of another."""
    it = quick(tmp_path)
    builds = [build_all(it, [number])[0] for number in (0, 1, 1)]
    it.close()
    return [StateFolder(tmp_path).build(build.id) for build in builds]


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_of_a_build_that_ended(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """Damages each file of the newer of two attempts, for an image per file; then both documents together."""
    together = (("record.json", "job.json"), ("record.json", "job.json", "result.json"))
    victims: list[tuple[str, ...]] = [*((name,) for name in BUILD_FILES), *together]
    it = quick(tmp_path)
    for _ in range(2):
        build_all(it, range(len(victims)))
    it.close()
    for number, names in enumerate(victims):
        for name in names:
            place(StateFolder(tmp_path).build(f"{tag(number)}-2").path / name, damage)
    builds = builds_again(tmp_path, range(len(victims)))
    assert all(build.state.ended for build in builds)
    known = {build.id for build in builds}
    assert {f"{tag(number)}-1" for number in range(len(victims))} <= known, "the attempts before are still known"
    again = builds_again(tmp_path, range(len(victims)))
    assert again[len(victims) :] == builds, "and what was found is what is found from then on"


@pytest.mark.parametrize("damage", ["truncated", "a-pipe", "deep", "a-link-to-zeros"])
def test_a_whole_build_is_damaged(tmp_path: Path, three: list[BuildFolder], damage: str) -> None:
    shutil.rmtree(three[2].path)
    DAMAGE[damage](three[2].path)
    builds_again(tmp_path)


def test_the_newest_attempt_counts_though_its_record_is_damaged(tmp_path: Path, three: list[BuildFolder]) -> None:
    """Its number used to be assigned again, which failed: 503 forever."""
    truncate(three[2].record)
    it = quick(tmp_path)
    assert (latest := it.latest(tag(1))) and latest.id == f"{tag(1)}-2"
    assert ended(it, latest.id).state is State.SUCCEEDED
    assert it.ensure(job(1), tag(1), force=True).build.id == f"{tag(1)}-3"
    it.close()


@pytest.mark.parametrize(
    "change",
    [
        {"number": 0},
        {"number": -5},
        {"number": 2**62},
        {"timeoutSeconds": 0},
        {"startedMonotonic": -1e300},
        {"build": {"state": "PENDING", "finishedAt": None}},
        {"build": {"state": "RUNNING"}},
        {"build": {"state": "SUCCEEDED", "finishedAt": None}},
        {"build": {"createdAt": 1e300}},
        {"build": {"finishedAt": -1}},
        {"build": {"project": "../../.."}},
        {"build": {"attempt": 7}},
        {"build": {"id": "0" * 32 + "-9"}},
    ],
    ids=str,
)
def test_a_record_that_no_server_writes_is_no_record(
    tmp_path: Path, three: list[BuildFolder], change: dict[str, object]
) -> None:
    record = json.loads(three[2].record.read_bytes())
    build = record["build"] | change.pop("build", {})  # type: ignore[operator]
    record |= change | {"build": {name: value for name, value in build.items() if value is not None}}
    three[2].record.write_text(json.dumps(record))
    found = {build.id: build.state for build in builds_again(tmp_path)}
    assert found[three[2].path.name] is State.SUCCEEDED, "its result says so"


@pytest.mark.parametrize("damage", ["gone", "truncated", "a-pipe", "deep"])
@pytest.mark.parametrize("names", [("record.json",), ("record.json", "job.json"), ("pid",), ("lock",)], ids="+".join)
def test_a_build_that_runs_is_followed_or_ended(tmp_path: Path, names: tuple[str, ...], damage: str) -> None:
    """It never runs at the same time as the next attempt of its image."""
    it = runner(tmp_path)
    build = it.ensure(job(seconds=600), tag(), force=False).build
    folder = StateFolder(tmp_path).build(build.id)
    until((folder.path / "begun").exists)
    pid = int(folder.pid.read_text())
    it.close()
    for name in names:
        place(folder.path / name, DAMAGE[damage])
    again = runner(tmp_path)
    try:
        if (now := again.latest(tag())) and not now.state.ended:
            again.cancel(build.id)
            assert ended(again, build.id, 20).state in (State.CANCELLED, State.ERRORED)
        until(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid), 20)
        second = again.ensure(job(seconds=0), tag(), force=True).build
        assert ended(again, second.id).state is State.SUCCEEDED
    finally:
        again.close()
        for left in (pid,):
            try:
                os.killpg(left, signal.SIGKILL)
            except ProcessLookupError:
                continue


@pytest.mark.parametrize("name", ["job.json", "pid", "lock", "output", "work", "progress.json", "log.jsonl"])
def test_what_lies_in_the_way_of_a_queued_build_stops_no_other(tmp_path: Path, name: str) -> None:
    first = runner(tmp_path, concurrent_builds=1)
    blocker = first.ensure(job(9, seconds=1), tag(9), force=False).build
    victim = first.ensure(job(0, timeout=2, seconds=0), tag(0), force=False).build
    after = first.ensure(job(1, seconds=0), tag(1), force=False).build
    place(StateFolder(tmp_path).build(victim.id).path / name, become_pipe)
    first.close()
    again = runner(tmp_path, concurrent_builds=1)
    assert ended(again, blocker.id).state is State.SUCCEEDED
    assert ended(again, victim.id, 20).state.ended
    assert ended(again, after.id, 20).state is State.SUCCEEDED
    again.close()


def test_an_attempts_folder_that_cannot_be_removed_is_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = runner(tmp_path)
    strange = StateFolder(tmp_path).builds / f"{tag()}-1"
    (strange / "mounted").mkdir(parents=True)
    monkeypatch.setattr("boatyard_local.removals.Removals.discard", lambda removals, path: path != strange)
    build = it.ensure(job(seconds=0), tag(), force=False).build
    assert build.id == f"{tag()}-2" and ended(it, build.id).state is State.SUCCEEDED
    it.close()


@pytest.mark.parametrize("damage", ["empty", "truncated", "noise", "deep", "a-pipe", "a-folder", "a-link-to-itself"])
def test_a_server_starts_on_damaged_files_of_its_own(tmp_path: Path, damage: str) -> None:
    state = tmp_path / "state"
    with ServerProcess(state) as server:
        assert server.build(seconds=0).status_code == 202
    for name in SERVER_FILES:
        place(state / name, DAMAGE[damage])
    with ServerProcess(state) as server:
        deadline = time.monotonic() + 20
        answer = server.build(seconds=0, lines=["x"])
        assert answer.status_code == 202
        build_id = answer.json()["id"]
        while server.http.get(f"/v1/builds/{build_id}").json()["state"] != "SUCCEEDED":
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.parametrize("damage", ["empty", "noise", "a-pipe"])
def test_a_server_starts_where_a_file_stands_for_a_folder(tmp_path: Path, damage: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    for name in FOLDERS:
        DAMAGE[damage](state / name)
    with ServerProcess(state) as server:
        assert server.build(seconds=0).status_code == 202
        assert server.http.put("/v1/secrets/a", json={"kind": "build", "value": "abcd"}).status_code == 204


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
