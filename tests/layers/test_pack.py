"""Layers that are written here: the same bytes everywhere, read back as they were meant."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from boatyard_layers.errors import NotExact
from boatyard_layers.model import PathEntry
from boatyard_layers.pack import LayerItem, pack, whiteouts, with_parents
from boatyard_layers.tar_reading import LayerContents, plain, read_layer

ITEMS = [
    LayerItem(PathEntry(path="/b/é.txt", mode=0o640, uid=1000, gid=1000), b"text"),
    LayerItem(PathEntry(path="/b", kind="directory", mode=0o755)),
    LayerItem(PathEntry(path="/a", kind="symlink", mode=0o777, target="b/" + "x" * 200)),
    LayerItem(PathEntry(path="/c", kind="hardlink", target="/b/é.txt")),
]


@pytest.mark.parametrize("compression", ["zstd", "gzip", "uncompressed"])
def test_what_is_packed_is_read_back(tmp_path: Path, compression: str) -> None:
    blob = pack(ITEMS, tmp_path / "layer", compression, 3)
    data = (tmp_path / "layer").read_bytes()
    assert (blob.digest, blob.size) == (f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
    tar = plain(io.BytesIO(data), blob.media_type).read()
    assert blob.diff_id == f"sha256:{hashlib.sha256(tar).hexdigest()}"
    found = _read(data, blob.media_type)
    assert [entry.path for entry in found.entries] == ["/a", "/b", "/b/é.txt", "/c"]
    assert found.entries[2] == PathEntry(path="/b/é.txt", mode=0o640, uid=1000, gid=1000, size=4)
    assert found.kept == {"/b/é.txt": b"text"}


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_bytes_depend_neither_on_the_order_nor_on_the_files_times(tmp_path: Path, compression: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 3_000_000)
    items = [*ITEMS, LayerItem(PathEntry(path="/big"), source)]
    first = pack(items, tmp_path / "1", compression, 3)
    source.touch()
    assert pack(reversed(items), tmp_path / "2", compression, 3) == first
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_whiteouts_hide_paths(tmp_path: Path) -> None:
    blob = pack(with_parents(whiteouts(["/opt/x", "/y"]), ["/opt"]), tmp_path / "layer", "zstd", 3)
    found = _read((tmp_path / "layer").read_bytes(), blob.media_type)
    assert set(found.removed) == {"/opt/x", "/y"} and not found.entries


def test_parents_that_are_not_there_are_added(tmp_path: Path) -> None:
    added = with_parents([LayerItem(PathEntry(path="/p/q/r"), b"")], ["/p"])
    assert [item.entry.path for item in added] == ["/p/q/r", "/p/q"]


@pytest.mark.parametrize("path", ["/", "a", "/a/../b", "/a//b", "/a\0b"])
def test_paths_that_no_layer_may_have_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotExact):
        pack([LayerItem(PathEntry(path=path), b"")], tmp_path / "layer", "zstd", 3)


@pytest.mark.parametrize("name", ["../x", "/a/../../x", ".wh..", "a/.wh..."])
def test_a_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(NotExact):
        _read(_tar(name), "application/vnd.oci.image.layer.v1.tar")


@pytest.mark.parametrize(
    "data", [b"not a layer at all", b"\x1f\x8b" + b"\0" * 600, b"\x28\xb5\x2f\xfd" + b"\xff" * 600]
)
@pytest.mark.parametrize("kind", ["tar+gzip", "tar+zstd", "tar", "erofs"])
def test_garbage_is_refused(data: bytes, kind: str) -> None:
    with pytest.raises(NotExact):
        _read(data, f"application/vnd.oci.image.layer.v1.{kind}")


def test_opaque_folders_are_told_from_removed_paths() -> None:
    found = _read(_tar("d/.wh..wh..opq", "d/.wh.x"), "application/vnd.oci.image.layer.v1.tar")
    assert (found.opaque, found.removed) == (("/d",), ("/d/x",))


def _read(data: bytes, media_type: str) -> LayerContents:
    return read_layer(io.BytesIO(data), media_type, keep=lambda entry: entry.path.endswith(".txt"))


def _tar(*names: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return out.getvalue()
