"""The deployment key in the state folder."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard_local.deployment_key import FileDeploymentKey

KNOWN = bytes(range(32))


def put(path: Path, key: bytes, mode: int = 0o600) -> None:
    path.write_bytes(key)
    path.chmod(mode)


def linked(path: Path) -> None:
    put(path.with_name("elsewhere"), KNOWN)
    path.symlink_to("elsewhere")


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "deployment.key"
    key = FileDeploymentKey(path).read()
    assert path.read_bytes() == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["deployment.key"], "nothing else is left"


@pytest.mark.parametrize("damage", [b"", b"short", bytes(33)])
def test_a_damaged_one_is_refused_and_left_as_it_is(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "deployment.key"
    put(path, damage)
    with pytest.raises(BoatyardError) as refused:
        FileDeploymentKey(path).read()
    assert refused.value.code == "DATAPLANE_UNAVAILABLE"
    assert "damaged" in refused.value.detail and "Restore it" in refused.value.detail
    assert path.read_bytes() == damage


@pytest.mark.parametrize(
    "place",
    [lambda path: put(path, KNOWN, 0o644), lambda path: put(path, KNOWN, 0o640), linked, os.mkfifo],
    ids=["of a checkout", "of a group", "a link", "a FIFO"],
)
def test_a_key_that_others_may_know_keeps_nobody_apart(tmp_path: Path, place: Callable[[Path], None]) -> None:
    """A checkout can contain `.boatyard/deployment.key`: its author could compute every project's names."""
    path = tmp_path / "deployment.key"
    place(path)
    with pytest.raises(BoatyardError) as refused:
        FileDeploymentKey(path).read()
    assert refused.value.code == "DATAPLANE_UNAVAILABLE"
    assert "0600" in refused.value.detail and "remove it" in refused.value.detail
    assert os.path.lexists(path), "it is not ours to remove"


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "deployment.key").mkdir()
    with pytest.raises(BoatyardError) as refused:
        FileDeploymentKey(tmp_path / "deployment.key").read()
    assert refused.value.code == "DATAPLANE_UNAVAILABLE"


def test_one_that_was_restored_is_taken_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "deployment.key"
    put(path, b"cut off")
    reader = FileDeploymentKey(path)
    with pytest.raises(BoatyardError):
        reader.read()
    path.write_bytes(bytes(range(32)))
    assert reader.read() == bytes(range(32))
