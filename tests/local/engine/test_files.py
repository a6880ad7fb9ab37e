"""Locks, layouts, mounts and records."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from boatyard_local.engine import dockerd, mounts, record
from boatyard_local.engine.layout import Layout
from boatyard_local.engine.lock import locked
from boatyard_local.engine.model import Engine, MadeImage
from boatyard_local.engine.record import EngineLedger, EngineRun, Imported

HOLD = """
import sys, time
from pathlib import Path
from boatyard_local.engine.lock import locked
with locked(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_command_waits_and_is_told_so(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    told: list[bool] = []
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        threading.Timer(0.5, holder.kill).start()
        begin = time.monotonic()
        with locked(lock, lambda: told.append(True)):
            assert time.monotonic() - begin > 0.3
    assert told == [True]


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path: Path) -> None:
    lock = tmp_path / "state/lock"
    entered = threading.Event()

    def second() -> None:
        with locked(lock, lambda: None):
            assert lock.exists()
            entered.set()

    with locked(lock, lambda: None):
        waiter = threading.Thread(target=second)
        waiter.start()
        time.sleep(0.2)
        lock.unlink()
        lock.parent.rmdir()
    waiter.join(5)
    assert entered.is_set()


def test_sockets_lie_below_the_state_folder_unless_its_path_is_too_long(tmp_path: Path) -> None:
    assert Layout(Path("/p/.boatyard")).docker_socket == Path("/p/.boatyard/engine/run/docker.sock")
    deep = Layout(Path("/" + "d" * 90) / ".boatyard")
    longest = deep.runtime / "exec/libnetwork/0123456789ab.sock"
    assert len(os.fsencode(longest)) <= 107
    assert deep.runtime != Layout(Path("/" + "d" * 91) / ".boatyard").runtime


def test_mount_points_are_found_deepest_first_and_unescaped() -> None:
    lines = [
        "22 1 254:0 / / rw - ext4 /dev/vda rw",
        "73 27 254:0 /a /s/engine/docker-data rw shared:3 - ext4 /dev/vda rw",
        r"74 73 0:44 / /s/engine/docker-data/with\040space rw - overlay overlay rw",
        "75 73 0:45 / /s/engine2/x rw - tmpfs tmpfs rw",
        "",
    ]
    assert mounts.points_below("/s/engine", lines) == ["/s/engine/docker-data/with space", "/s/engine/docker-data"]


def test_removing_does_not_follow_links_out(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").touch()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/link").symlink_to(tmp_path / "outside")
    mounts.remove(tmp_path / "tree")
    mounts.remove(tmp_path / "tree")
    assert (tmp_path / "outside/kept").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_an_engine_that_was_stopped_leaves_nothing_mounted(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path / "state")
    namespace = layout.runtime / "exec" / "netns" / "default"
    namespace.parent.mkdir(parents=True)
    namespace.touch()
    subprocess.run(["mount", "--bind", "/proc/self/ns/net", namespace], check=True)
    dockerd.stop(layout)
    shutil.rmtree(layout.runtime)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_removing_unmounts_first(tmp_path: Path) -> None:
    inner = tmp_path / "tree/inner"
    inner.mkdir(parents=True)
    (tmp_path / "source").mkdir()
    (tmp_path / "source/kept").touch()
    subprocess.run(["mount", "--bind", tmp_path / "source", inner], check=True)
    mounts.remove(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    assert (tmp_path / "source/kept").exists()


def engine(settings: Path = Path("/p/.boatyard/boatyard.toml")) -> Engine:
    return Engine(
        kind="unpacked",
        docker="/p/docker",
        docker_host="unix:///p/s",
        docker_config="/p/c",
        builder=None,
        network="host",
        registry="127.0.0.1:5050",
        platforms=("linux/amd64",),
        images=(MadeImage("127.0.0.1:5050/boatyard/python:3.11@sha256:00", ("python:3.11",), "offline"),),
        settings=settings,
    )


def test_records_are_read_back_as_they_were(tmp_path: Path) -> None:
    before = EngineRun(engine=engine())
    record.save(tmp_path / "engine.json", before)
    assert record.load(tmp_path / "engine.json", EngineRun) == before
    ledger = EngineLedger(port=5050, images={"boatyard/python": Imported("f", "sha256:00")})
    record.save(tmp_path / "ledger.json", ledger)
    assert record.load(tmp_path / "ledger.json", EngineLedger) == ledger


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 99}', '{"version": 1, "port": "x"}'])
def test_a_record_that_cannot_be_used_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ledger.json"
    assert record.load(path, EngineLedger) is None
    path.write_text(text)
    assert record.load(path, EngineLedger) is None
    for damage in (b"\xff\xfe", b'{"version":"\xff"}', b'{"x":' + b"[" * 100_000):
        path.write_bytes(damage)
        assert record.load(path, EngineLedger) is None


def test_the_environment_names_only_what_is_set() -> None:
    assert engine().environment() == {"DOCKER_HOST": "unix:///p/s", "DOCKER_CONFIG": "/p/c"}
