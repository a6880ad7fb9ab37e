"""COPY without BuildKit. That both do the same is tried in tests/layers/test_as_buildkit.py."""

from pathlib import Path

import pytest

from boatyard.spec import CopyConfig
from boatyard_layers.errors import NotExact
from boatyard_layers.files import copy
from boatyard_layers.inventory import Inventory
from boatyard_layers.model import PathEntry

PASSWD = b"root:x:0:0::/root:/bin/sh\nflyte:x:1000:1001::/home/flyte:/bin/sh\n"
GROUP = b"root:x:0:\nflyte:x:1002:\n"


def _folder(path: str, mode: int = 0o755) -> PathEntry:
    return PathEntry(path=path, kind="directory", mode=mode)


IMAGE = Inventory.empty().applied(
    [
        _folder("/root", 0o700),
        _folder("/usr/lib"),
        PathEntry(path="/lib", kind="symlink", target="usr/lib"),
        PathEntry(path="/etc/passwd", size=3),
        PathEntry(path="/current", kind="symlink", target="/releases/1"),
        PathEntry(path="/loop", kind="symlink", target="loop"),
    ]
)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "pkg" / "sub").mkdir(parents=True)
    (tmp_path / "pkg" / "sub" / "run.sh").write_text("run")
    (tmp_path / "pkg" / "sub" / "run.sh").chmod(0o755)
    (tmp_path / "pkg" / "a.py").write_text("a")
    (tmp_path / "pkg" / "link").symlink_to("a.py")
    (tmp_path / "alias").symlink_to("/pkg/a.py")
    return tmp_path


def _copied(
    context: Path, src: str, dst: str, *, workdir: str = "/root", env: dict[str, str] | None = None, owner: str = ""
) -> list[PathEntry]:
    layer = CopyConfig(src=src, dst=dst)
    return [item.entry for item in copy(layer, context, IMAGE, workdir, env or {}, owner, PASSWD, GROUP)]


@pytest.mark.parametrize(
    ("dst", "lands_at"),
    [
        (".", ["/root/a.py"]),
        ("x.py", ["/root/x.py"]),
        ("./", ["/root/a.py"]),
        ("/usr/lib", ["/usr/lib/a.py"]),
        ("/lib", ["/usr/lib/a.py"]),
        ("/lib/n/x.py", ["/usr/lib/n", "/usr/lib/n/x.py"]),
        ("/new", ["/new"]),
        ("/new/", ["/new", "/new/a.py"]),
        ("/a/b/", ["/a", "/a/b", "/a/b/a.py"]),
        ("/etc/passwd", ["/etc/passwd"]),
        ("/current", ["/releases", "/releases/1"]),
        ("$HOME/x", ["/srv", "/srv/x"]),
        ("${UNSET}/x", ["/x"]),
        ("../x", ["/x"]),
        ("/", ["/a.py"]),
    ],
)
def test_a_file_lands_where_copy_puts_it(context: Path, dst: str, lands_at: list[str]) -> None:
    assert [entry.path for entry in _copied(context, "pkg/a.py", dst, env={"HOME": "/srv"})] == lands_at


def test_a_folders_contents_are_copied_with_modes_and_links(context: Path) -> None:
    assert _copied(context, "pkg", "/root/pkg") == [
        _folder("/root/pkg"),
        PathEntry(path="/root/pkg/a.py", size=1, mode=(context / "pkg/a.py").stat().st_mode & 0o7777),
        PathEntry(path="/root/pkg/link", kind="symlink", mode=0o777, target="a.py"),
        _folder("/root/pkg/sub", (context / "pkg/sub").stat().st_mode & 0o7777),
        PathEntry(path="/root/pkg/sub/run.sh", mode=0o755, size=3),
    ]


def test_a_folder_that_the_image_has_keeps_its_mode(context: Path) -> None:
    assert "/root" not in [entry.path for entry in _copied(context, "pkg", "/root")]


def test_a_folder_below_the_source_gets_the_mode_of_the_context(context: Path) -> None:
    (context / "root").mkdir(mode=0o711)
    (context / "root").chmod(0o711)
    assert _folder("/root", 0o711) in _copied(context, ".", "/")


def test_what_copy_names_is_followed_and_keeps_its_name(context: Path) -> None:
    (entry,) = _copied(context, "alias", "/root/")
    assert (entry.path, entry.kind, entry.size) == ("/root/alias", "file", 1)


def test_chown_holds_for_everything_that_is_made(context: Path) -> None:
    made = _copied(context, "pkg", "/srv/pkg", owner="flyte:flyte")
    assert {(entry.uid, entry.gid) for entry in made} == {(1000, 1002)} and made[0].path == "/srv"
    assert {(entry.uid, entry.gid) for entry in _copied(context, "pkg", "/x", owner="flyte")} == {(1000, 1001)}


@pytest.mark.parametrize(
    ("src", "dst", "owner", "why"),
    [
        ("gone", "/x", "", "no 'gone'"),
        ("pkg/[ab].py", "/x", "", "pattern"),
        ("pkg", "/etc/passwd", "", "no directory"),
        ("pkg/a.py", "/etc/passwd/", "", "a directory"),
        ("pkg/a.py", "/etc/passwd/x", "", "no folder"),
        ("pkg/a.py", "/loop/x", "", "loop"),
        ("pkg/a.py", "/x/.", "", "own way"),
        ("pkg/a.py", "$NOTHING", "", "own way"),
        ("pkg/a.py", "/.wh.x", "", "hides"),
        ("pkg/a.py", "/x", "nobody:flyte", "no user"),
        ("pkg/a.py", "/x", "flyte:wheel", "no group"),
        ("pkg/a.py", "/x", "1000", "number"),
    ],
)
def test_what_copy_refuses_or_decides_itself_is_left_to_it(
    context: Path, src: str, dst: str, owner: str, why: str
) -> None:
    with pytest.raises(NotExact, match=why):
        _copied(context, src, dst, owner=owner)


def test_a_kind_that_cannot_replace_the_images_is_left_to_buildkit(context: Path) -> None:
    (context / "usr").mkdir()
    (context / "usr" / "lib").write_text("a file")
    with pytest.raises(NotExact, match="a directory in the image"):
        _copied(context, ".", "/")
    (context / "usr" / "lib").unlink()
    (context / "lib").mkdir()
    with pytest.raises(NotExact, match="no directory in the image"):
        _copied(context, ".", "/")


@pytest.mark.parametrize("name", [".wh.x", ".wh..wh..opq"])
def test_a_file_that_would_hide_others_is_left_to_buildkit(context: Path, name: str) -> None:
    (context / "pkg" / name).write_text("")
    with pytest.raises(NotExact, match="hides"):
        _copied(context, "pkg", "/x")


def test_links_never_lead_out_of_the_context(context: Path) -> None:
    (context / "out").symlink_to("../../../../etc/hostname")
    with pytest.raises(NotExact, match="no 'out'"):
        _copied(context, "out", "/x")
