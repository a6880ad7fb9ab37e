"""The key in the state folder."""

from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard_local.deployment_key import FileDeploymentKey


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "deployment.key"
    key = FileDeploymentKey(path).read()
    assert path.read_bytes() == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["deployment.key"], "nothing else is left"


@pytest.mark.parametrize("damage", [b"", b"short", bytes(33)])
def test_a_damaged_one_is_refused_and_left_as_it_is(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "deployment.key"
    path.write_bytes(damage)
    with pytest.raises(BoatyardError) as refused:
        FileDeploymentKey(path).read()
    assert refused.value.code == "DATAPLANE_UNAVAILABLE"
    assert "damaged" in refused.value.detail and "Restore it" in refused.value.detail
    assert path.read_bytes() == damage


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "deployment.key").mkdir()
    with pytest.raises(BoatyardError) as refused:
        FileDeploymentKey(tmp_path / "deployment.key").read()
    assert refused.value.code == "DATAPLANE_UNAVAILABLE"


def test_one_that_was_restored_is_taken_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "deployment.key"
    path.write_bytes(b"cut off")
    reader = FileDeploymentKey(path)
    with pytest.raises(BoatyardError):
        reader.read()
    path.write_bytes(bytes(range(32)))
    assert reader.read() == bytes(range(32))
