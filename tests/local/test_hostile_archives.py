"""Hostile archives in the complete system without BuildKit: uploaded, queued and run by the real job's process."""

import tarfile
from pathlib import Path

import msgspec
import pytest

from boatyard.build import State
from tests.buildkit.archives import close, raw
from tests.local.job_site import Site
from tests.local.jobs import ended, until

HOSTILE = {
    "nested without end": close(raw("d/" * 1500, tarfile.DIRTYPE)),
    "nested in one long file's name": close(raw("d/" * 1500 + "f", data=b"x")),
    "deep folders one after the other": close(*(raw("d/" * depth, tarfile.DIRTYPE) for depth in range(1, 400))),
    "a link out of it": close(raw("l", tarfile.SYMTYPE, link="../../.."), raw("l/evil")),
    "folders nobody may enter": close(raw("a", tarfile.DIRTYPE, mode=0), raw("a/b/../../c")),
    "no archive": b"no archive",
}


def test_each_is_a_failure_of_its_own_build_and_stops_nobody(tmp_path: Path) -> None:
    site = Site(tmp_path)
    hostile = {name: site.build(number, archive) for number, (name, archive) in enumerate(HOSTILE.items())}
    well = site.build(100, close(raw("file", data=b"x")))
    for name, build in hostile.items():
        done = ended(site.runner, build.id, 30)
        assert done.state is State.FAILED and done.error, name
        assert done.error.code == "CONTEXT_INVALID", (name, done.error)
    done = ended(site.runner, well.id, 30)
    assert done.error and "buildctl" in done.error.message, "it came as far as BuildKit"
    until(lambda: not site.state.removing.exists())
    assert not list(site.state.builds.glob("*/work"))
    site.runner.close()


@pytest.mark.parametrize("levels", [1500])
def test_what_an_earlier_version_unpacked_is_removed_at_the_start(tmp_path: Path, levels: int) -> None:
    """Its builds stayed RUNNING forever, and its server started no others."""
    from tests.buildkit.test_removal import deep

    site = Site(tmp_path)
    build = site.build(0, HOSTILE["no archive"])
    ended(site.runner, build.id, 30)
    site.runner.close()
    folder = site.state.build(build.id)
    record = msgspec.json.decode(folder.record.read_bytes())
    record["build"] |= {"state": "RUNNING", "startedAt": record["build"]["createdAt"]}
    record["build"] = {name: value for name, value in record["build"].items() if name not in ("finishedAt", "error")}
    folder.record.write_bytes(msgspec.json.encode(record))
    folder.result.unlink()
    deep(folder.work, levels)
    left = site.state.builds / f".{build.id}.0123abcd"  # one that was being made when its server died
    deep(left, levels)
    again = site.open()
    assert ended(again, build.id).state is State.ERRORED
    site.runner = again
    assert ended(again, site.build(1, HOSTILE["no archive"]).id, 30).state is State.FAILED
    until(lambda: not site.state.removing.exists())
    assert not folder.work.exists() and not left.exists()
    again.close()
