"""A `.boatyard/` from a checkout, whose contents this machine did not create, is not trusted."""

from pathlib import Path

import pytest

from boatyard.build import State
from boatyard_local import ServeError, server_process
from boatyard_local.background import ensure_server
from boatyard_local.clock import SystemClock
from boatyard_local.contexts import FileContextStore
from boatyard_local.state import StateFolder
from boatyard_local.upload_url import UploadUrls
from tests.local.jobs import ended, job, runner, tag


def test_files_behind_a_linked_folder_are_not_cleared(tmp_path: Path) -> None:
    """`contexts -> ../..` used to remove the dot files of a home folder."""
    names = (".bashrc", ".profile", f".{'a' * 64}.tar.gz", ".gitconfig.0a1b2c3d")
    for name in names:
        (tmp_path / name).write_text("mine")
    coming = tmp_path / f".{'b' * 64}.tar.gz.0a1b2c3d"
    coming.write_text("half an upload")
    (tmp_path / "contexts").symlink_to(".")
    FileContextStore(tmp_path / "contexts", SystemClock(), UploadUrls("http://127.0.0.1:1", b"k")).open()
    assert all((tmp_path / name).read_text() == "mine" for name in names)
    assert not coming.exists()


def test_folders_behind_linked_builds_are_not_removed(tmp_path: Path) -> None:
    (tmp_path / "home/.config").mkdir(parents=True)
    (tmp_path / "home/.bashrc").write_text("mine")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/builds").symlink_to("../home")
    it = runner(tmp_path / "state")
    assert ended(it, it.ensure(job(seconds=0), tag(), force=False).build.id).state is State.SUCCEEDED
    it.close()
    assert (tmp_path / "home/.config").is_dir() and (tmp_path / "home/.bashrc").read_text() == "mine"


def test_a_build_that_others_can_read_is_not_run(tmp_path: Path) -> None:
    """git keeps no mode but the executable bit: a folder of a checkout is not private."""
    it = runner(tmp_path)
    build = it.ensure(job(seconds=0), tag(), force=False).build
    ended(it, build.id)
    it.close()
    folder = StateFolder(tmp_path).build(build.id)
    folder.path.chmod(0o755)
    again = runner(tmp_path)
    assert again.status(build.id) is None
    assert ended(again, again.ensure(job(seconds=0), tag(), force=False).build.id).state is State.SUCCEEDED
    again.close()


def test_the_servers_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    own = tmp_path / ".profile"
    own.write_text("mine")
    own.chmod(0o644)
    state = tmp_path / "state"
    state.mkdir()
    (state / "server.log").symlink_to(own)
    (state / "builds").symlink_to("a disk that is away", target_is_directory=True)
    config = tmp_path / "boatyard.toml"
    config.write_text('defaultRepository = "127.0.0.1:1/images"\n')
    try:
        with pytest.raises(ServeError):
            ensure_server(state, config=config)
    finally:
        server_process.stop(state)
    assert own.read_text() == "mine" and own.stat().st_mode & 0o777 == 0o644
