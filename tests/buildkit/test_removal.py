"""Trees are removed with any contents, and nothing outside of them changes."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from boatyard_buildkit.removal import remove


def deep(path: Path, levels: int) -> None:
    """Nested folders, far deeper than the longest possible path."""
    path.mkdir()
    folder = os.open(path, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    with os.fdopen(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=folder), "w") as file:
        file.write("x")
    os.close(folder)


@pytest.mark.parametrize("levels", [1, 3000])
def test_depth_does_not_matter(tmp_path: Path, levels: int) -> None:
    deep(tmp_path / "t", levels)
    assert remove(tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_a_folder_goes_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    (tmp_path / "nowhere").symlink_to("gone")
    for name in ("pipe", "file", "nowhere", "never was"):
        assert remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "a/link").symlink_to(outside, target_is_directory=True)
    (tmp_path / "top").symlink_to(outside, target_is_directory=True)
    assert remove(tree) and remove(tmp_path / "top")
    assert (outside / "kept").read_text() == "x"


def test_any_names_go(tmp_path: Path) -> None:
    for name in (b"\xff\xfe", b" ", b"-rf", b"a\nb", b"x" * 255, b"\xf0\x9f\x9a\xa2"):
        (tmp_path / "t" / os.fsdecode(name) / os.fsdecode(name)).mkdir(parents=True)
    assert remove(tmp_path / "t")


@pytest.mark.skipif(os.getuid() != 0, reason="another user is played by root")
def test_permissions_of_a_user_who_is_not_root_do_not_matter(tmp_path: Path) -> None:
    tree = tmp_path / "t"
    for name in ("a/b/c", "a/d"):
        (tree / name).mkdir(parents=True)
        (tree / name / "f").write_text("x")
    for root, folders, _ in os.walk(tree, topdown=False):
        for folder in folders:
            os.chown(Path(root) / folder, 65534, 65534)
            (Path(root) / folder).chmod(0)
    for path in (tree, tmp_path, *list(tmp_path.parents)[:-2]):
        if path in (tree, tmp_path):
            os.chown(path, 65534, 65534)
        path.chmod(path.stat().st_mode | 0o755)
    child = os.fork()
    if not child:
        os.setuid(65534)
        os._exit(0 if remove(tree) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not tree.exists()


def test_a_mount_is_left_alone_and_all_around_it_goes(tmp_path: Path) -> None:
    mounted = tmp_path / "t/a/mounted"
    mounted.mkdir(parents=True)
    (tmp_path / "t/other").write_text("x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    done = subprocess.run(["mount", "--bind", str(outside), str(mounted)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("mounting needs root")
    try:
        assert not remove(tmp_path / "t")
        assert (outside / "kept").read_text() == "x" and not (tmp_path / "t/other").exists()
    finally:
        found = subprocess.run(["findmnt", "-rno", "TARGET"], capture_output=True, text=True, check=True).stdout
        for point in found.splitlines():
            if point.startswith(f"{tmp_path}/"):
                subprocess.run(["umount", point], check=True)
    assert remove(tmp_path / "t")


def test_what_is_still_written_is_caught_up_with(tmp_path: Path) -> None:
    """A program that a job started may continue for a moment."""
    tree = tmp_path / "t"
    tree.mkdir()
    done = threading.Event()

    def write() -> None:
        for number in range(300):
            if done.is_set():
                return
            try:
                (tree / f"d{number}/e").mkdir(parents=True, exist_ok=True)
            except OSError:
                continue

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while thread.is_alive():
            remove(tree)
    finally:
        done.set()
        thread.join()
    assert remove(tree)
