"""A full disk: a refusal with a reason, no half-written file, and a successful retry later."""

import errno
import hashlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard.build import State
from boatyard.errors import BoatyardError
from boatyard.ports import Scope, SecretValue
from boatyard_local import durable
from boatyard_local.clock import SystemClock
from boatyard_local.contexts import FileContextStore
from boatyard_local.secret_store import FileSecretStore
from boatyard_local.state import StateFolder
from boatyard_local.upload_url import UploadUrls
from tests.local.jobs import ended, job, runner, tag
from tests.local.servers import ServerProcess


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(options, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root; test_a_server_… covers the same with a file size limit")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return filler


def test_a_build_is_refused_and_nothing_is_left_of_it(small: Path) -> None:
    it = runner(small)
    filler = fill(small)
    with pytest.raises(BoatyardError) as refused:
        it.ensure(job(seconds=0), tag(), force=False)
    assert refused.value.code == "DISK_FULL" and refused.value.meaning.status == 507
    assert list(StateFolder(small).builds.iterdir()) == [] and it.latest(tag()) is None
    filler.unlink()
    assert ended(it, it.ensure(job(seconds=0), tag(), force=False).build.id).state is State.SUCCEEDED
    it.close()


def test_a_job_that_ends_for_want_of_space_says_so_and_the_end_is_kept(small: Path) -> None:
    it = runner(small)
    build = it.ensure(job(seconds=0.5, lines=["x"]), tag(), force=False).build
    filler = fill(small)
    lost = ended(it, build.id)
    assert lost.state is State.ERRORED and lost.error and lost.error.code == "DISK_FULL"
    filler.unlink()
    it.close()
    again = runner(small)
    assert (kept := again.status(build.id)) and kept.error and kept.error.code == "DISK_FULL"
    again.close()


def test_an_upload_is_refused_before_and_while_it_comes(small: Path) -> None:
    store = FileContextStore(small / "contexts", SystemClock(), UploadUrls("http://127.0.0.1:1", b"k" * 32)).open()
    data = b"z" * 200_000
    sha256 = hashlib.sha256(data).hexdigest()
    with pytest.raises(BoatyardError, match="no space"), store.receive(sha256, 10 * len(data)):
        pass
    with pytest.raises(BoatyardError) as refused, store.receive(sha256, len(data)) as receiving:
        filler = fill(small)
        receiving.write(data)
    assert refused.value.code == "DISK_FULL"
    assert list((small / "contexts").iterdir()) == []
    filler.unlink()
    with store.receive(sha256, len(data)) as receiving:
        receiving.write(data)
        receiving.commit()
    assert store.has(sha256)


def test_a_secret_stays_as_it_was(small: Path) -> None:
    store = FileSecretStore(small / "secrets")
    scope = Scope("p", "d")
    store.put(scope, "token", SecretValue(kind="build", value=b"old"))
    fill(small)
    with pytest.raises(BoatyardError) as refused:
        store.put(scope, "token", SecretValue(kind="build", value=b"new" * 10_000))
    assert refused.value.code == "DISK_FULL"
    folder = small / "secrets/p/d"
    assert [path.name for path in folder.glob("[!.]*")] == ["token"] and (folder / "token").read_bytes() == b"old"


def test_a_server_says_so_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # the limit below would truncate it, for every later process
    with ServerProcess(tmp_path / "state") as server:
        limit = resource.RLIM_INFINITY
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (64, limit))
        answer = server.build(seconds=0)
        assert answer.status_code == 507 and answer.json()["code"] == "DISK_FULL"
        assert server.http.put("/v1/secrets/a", json={"kind": "build", "value": "x" * 99}).status_code == 507
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        assert list(StateFolder(server.state).builds.iterdir()) == []
        assert server.build(seconds=0).status_code == 202


def test_a_file_is_replaced_or_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    durable.write(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("boatyard_local.durable.os.fsync", full)
    with pytest.raises(BoatyardError) as refused:
        durable.write(path, b"new")
    assert refused.value.code == "DISK_FULL"
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
