"""Layers of strangers: read exactly, or left to BuildKit, in little memory."""

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard_layers import inventory, tar_reading, zstd
from boatyard_layers.errors import NotExact
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import PathEntry
from boatyard_layers.pack import LayerItem, pack
from boatyard_layers.tar_reading import LayerContents, members, read_layer

TAR = "application/vnd.oci.image.layer.v1.tar"


def _header(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def _tar(*headers: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info in headers:
            archive.addfile(info, io.BytesIO(bytes(info.size)))
    return out.getvalue()


def _read(data: bytes, media_type: str = TAR) -> LayerContents:
    return read_layer(io.BytesIO(data), media_type, keep=lambda entry: True)


FOLDER, LINK, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize(
    "headers",
    [
        [_header("../x")],
        [_header("a/../../x")],
        [_header("x", HARD, linkname="../../etc/shadow")],
        [_header("x", HARD, linkname="x")],
        [_header("x", LINK, linkname="")],
        [_header("x\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape"))],
        [_header("a/" * 600 + "x")],
        [_header("x" * 5000)],
        [_header(".", LINK, linkname="/etc")],
        [_header("x", b"Z")],
        [_header("x", uid=2**40)],
        [_header("x"), _header("x/y")],
        [_header("x", FOLDER), _header("x")],
        [_header("x", LINK, linkname="/etc"), _header("x/passwd")],
        [_header(".wh.x"), _header("x")],
        [_header(".wh.x"), _header("x/y")],
        [_header(".wh.x/y")],
        [_header("x", pax_headers={"comment": "c" * 100_000})],
        [_header("x", pax_headers={"size": "-5"})],
    ],
    ids=lambda headers: ascii(headers[0].name)[:20],
)
def test_what_runtimes_would_not_unpack_alike_is_left_to_buildkit(headers: list[tarfile.TarInfo]) -> None:
    with pytest.raises(NotExact):
        _read(_tar(*headers))


def test_names_are_taken_from_the_images_root() -> None:
    found = _read(_tar(_header("/etc/x", size=3), _header("./y"), _header("./", FOLDER, mode=0o755)))
    assert [entry.path for entry in found.entries] == ["/etc/x", "/y", "/"]
    assert found.kept == {"/etc/x": b"\0\0\0", "/y": b""}


def test_devices_and_pipes_are_there_and_nothing_more_is_said_of_them() -> None:
    found = _read(_tar(_header("null", tarfile.CHRTYPE, devmajor=1, devminor=3), _header("pipe", tarfile.FIFOTYPE)))
    assert {entry.kind for entry in found.entries} == {"other"}


def test_of_a_path_that_comes_twice_the_last_counts() -> None:
    found = _read(_tar(_header("x", size=5), _header("x", mode=0o600, size=1)))
    assert found.entries == (PathEntry(path="/x", mode=0o600, size=1),) and found.kept == {"/x": b"\0"}


def test_files_of_aufs_are_no_files_of_the_image() -> None:
    assert _read(_tar(_header(".wh..wh.plnk", FOLDER), _header("a", FOLDER))).entries == (
        PathEntry(path="/a", kind="directory"),
    )


def test_a_damaged_header_is_not_the_end_of_a_layer() -> None:
    data = bytearray(_tar(_header("first"), _header("second")))
    data[512:520] = b"\xff" * 8
    with pytest.raises(NotExact):
        _read(bytes(data))


@pytest.mark.parametrize("size", [1, 511, 512, 700, 1024, 1300])
def test_a_layer_that_ends_too_early_is_no_layer(size: int) -> None:
    with pytest.raises(NotExact):
        _read(_tar(_header("first", size=600), _header("second"))[:size])


@pytest.mark.parametrize("pack_it", [gzip.compress, partial(zstd.compress, level=3)], ids=["gzip", "zstd"])
def test_a_bomb_takes_no_memory_and_ends_at_the_limit(
    pack_it: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar_reading, "_LARGEST_TAR", 30_000_000)
    monkeypatch.setattr(tar_reading, "_LARGEST_KEPT", 1_000_000)
    media_type = TAR + ("+gzip" if pack_it is gzip.compress else "+zstd")
    bomb = pack_it(_tar(_header("zeros", size=40_000_000)))
    kept = pack_it(_tar(_header("zeros", size=2_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(NotExact, match="30,000,000"):
            read_layer(io.BytesIO(bomb), media_type)
        with pytest.raises(NotExact, match="1,000,000"):
            read_layer(io.BytesIO(kept), media_type, keep=lambda entry: True)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_a_layer_has_a_bounded_number_of_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_reading, "_MOST_ENTRIES", 3)
    with pytest.raises(NotExact, match="3 paths"):
        _read(_tar(*(_header(f"{number}") for number in range(4))))


def test_contents_can_be_streamed() -> None:
    sizes = {}
    for member in members(io.BytesIO(_tar(_header("a", size=1500), _header("b", size=10))), TAR):
        assert member.data
        sizes[member.entry.path] = len(member.data.read(1000)) + len(member.data.read(1000))
    assert sizes == {"/a": 1500, "/b": 10}


def test_a_hard_link_comes_after_its_target(tmp_path: Path) -> None:
    items = [LayerItem(PathEntry(path="/a", kind="hardlink", target="/z")), LayerItem(PathEntry(path="/z"), b"z")]
    pack(items, tmp_path / "layer", "uncompressed", 0)
    with tarfile.open(tmp_path / "layer") as archive:
        assert archive.getnames() == ["z", "a"]


def test_no_layer_has_a_path_twice(tmp_path: Path) -> None:
    with pytest.raises(NotExact, match="twice"):
        pack([LayerItem(PathEntry(path="/a"), b""), LayerItem(PathEntry(path="/a"), b"")], tmp_path / "l", "zstd", 3)


def test_a_link_is_never_read_as_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="link"):
        pack([LayerItem(PathEntry(path="/a"), tmp_path / "link")], tmp_path / "layer", "zstd", 3)


def test_packing_holds_no_file_in_memory(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(60_000_000)
    item = LayerItem(PathEntry(path="/large", size=60_000_000), tmp_path / "large")
    tracemalloc.start()
    try:
        pack([item], tmp_path / "layer", "zstd", 1)
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def test_an_inventory_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zstd.compress(b" " * 1_000_000, 3)
    # The frame's header: magic, descriptor with a size of four bytes, size.
    claimed = bomb[:4] + b"\xa0" + (0xFFFFFFF0).to_bytes(4, "little") + bomb[9:]
    with pytest.raises(ValueError, match="not an inventory"):
        Inventory.decode(claimed)
    monkeypatch.setattr(inventory, "_LARGEST", 999_999)
    with pytest.raises(ValueError, match="too large"):
        Inventory.decode(bomb)


@pytest.mark.parametrize("keep", [slice(0, 10), slice(0, -1), slice(0, 0)], ids=["head", "cut", "empty"])
def test_a_frame_that_ends_early_is_no_frame(keep: slice) -> None:
    whole = zstd.compress(b"a" * 100_000, 3)
    assert zstd.decompress(whole, 100_000) == b"a" * 100_000
    for data in (whole[keep], whole + whole, whole + b"x"):
        with pytest.raises(zstd.ZstdError):
            zstd.decompress(data, 200_000)


@pytest.mark.parametrize(
    "rows",
    [b'[{"path":"/"}]', b'[{"path":"/","kind":"directory"},{"path":"/a/b"}]', b"[]"],
    ids=["root", "parent", "no"],
)
def test_an_inventory_has_a_root_and_every_parent(rows: bytes) -> None:
    with pytest.raises(ValueError, match="not an inventory"):
        Inventory.decode(zstd.compress(rows, 3))


@given(st.binary(max_size=2000), st.integers(0, 3000))
def test_any_damage_is_left_to_buildkit(noise: bytes, at: int) -> None:
    data = bytearray(_tar(_header("first", size=600), _header("a/.wh..wh..opq"), _header("s", LINK, linkname="t")))
    data[at : at + len(noise)] = noise
    try:
        found = _read(bytes(data))
        made = Inventory.empty().applied(found.entries, found.removed, found.opaque)
    except NotExact:
        return
    assert Inventory.decode(made.encode()).encode() == made.encode()
