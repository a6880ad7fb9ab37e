"""The contract suite of DeploymentKey: one permanent key, however many callers create it concurrently."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from boatyard.memory import MemoryDeploymentKey
from boatyard.ports import DeploymentKey
from boatyard.realm import KEY_BYTES
from boatyard_local.deployment_key import FileDeploymentKey
from boatyard_serverless.deployment_key import SecretDeploymentKey
from boatyard_serverless.memory import MemoryKeySecret

Open = Callable[[], DeploymentKey]
"""Another reader of one deployment, such as the next process or function instance."""


def _memory(path: Path) -> Open:
    key = MemoryDeploymentKey()
    return lambda: key


def _in_a_secret(path: Path) -> Open:
    secret = MemoryKeySecret()
    return lambda: SecretDeploymentKey(secret)


MAKE: dict[str, Callable[[Path], Open]] = {
    "memory": _memory,
    "secret": _in_a_secret,
    "local": lambda path: lambda: FileDeploymentKey(path / "deployment.key"),
}


@pytest.fixture(params=sorted(MAKE))
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return MAKE[request.param](tmp_path)


def test_it_is_random_and_long_enough(another: Open) -> None:
    key = another().read()
    assert len(key) == KEY_BYTES == 32
    assert len(set(key)) > 8


def test_whoever_reads_later_gets_the_same(another: Open) -> None:
    first = another()
    assert first.read() == first.read() == another().read()


def test_one_key_is_made_however_many_begin_at_once(another: Open) -> None:
    readers = [another() for _ in range(8)]
    begin = threading.Barrier(len(readers))
    keys: list[bytes] = []

    def read(reader: DeploymentKey) -> None:
        begin.wait()
        keys.append(reader.read())

    threads = [threading.Thread(target=read, args=[reader]) for reader in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(keys) == len(readers) and len(set(keys)) == 1
