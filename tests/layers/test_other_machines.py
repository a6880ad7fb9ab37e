"""Whatever happened to earlier makers and to the registry, the next machine makes the same image."""

import copy
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import pytest

from boatyard_layers.artifacts import inflated
from boatyard_layers.image import LayeredImage
from tests.layers import machine
from tests.layers.machine import PASSWORD, SECRET, HeardReport, LayersSite, build, environment, job
from tests.registry.server import FakeRegistry, Fault, Seen

FAULTS = int(os.environ.get("BOATYARD_FAULTS", "4"))
"""How often a maker is killed, and something lost; `make fuzz-layers` does it at each request and with each blob."""
SPARED = 4
"""Requests that a maker can do without, by chance; and so many makers end before they are killed, at most."""
T = TypeVar("T")
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.layers.machine"])


class Made(NamedTuple):
    fake: FakeRegistry
    site: LayersSite
    image: LayeredImage
    log: list[str]
    blobs: dict[str, bytes]
    """Of the registry, after the first build."""
    manifests: dict[tuple[str, str], tuple[str, bytes]]
    before: tuple[dict[str, bytes], dict[tuple[str, str], tuple[str, bytes]]]
    requests: int

    def restore(self, *, empty: bool = False) -> None:
        blobs, manifests = self.before if empty else (self.blobs, self.manifests)
        self.fake.blobs, self.fake.manifests = copy.copy(blobs), copy.copy(manifests)

    def again(self, report: HeardReport | None = None, cache: Path | None = None) -> LayeredImage:
        """Builds, and checks that the registry has all of the image."""
        image = build(self.site, job(self.site), report=report, cache=cache)
        (about,) = {body for (_, name), (_, body) in self.fake.manifests.items() if name == image.digest}
        parsed = msgspec.json.decode(about)
        assert {blob["digest"] for blob in (parsed["config"], *parsed["layers"])} <= self.fake.blobs.keys()
        return image


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with machine.running_site(tmp_path_factory.mktemp("site")) as (fake, site):
        before = copy.copy(fake.blobs), copy.copy(fake.manifests)
        report = HeardReport()
        image = build(site, job(site), report=report)
        requests = len(fake.seen)
        yield Made(fake, site, image, report.lines, copy.copy(fake.blobs), copy.copy(fake.manifests), before, requests)


def test_another_machine_makes_equal_bytes(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another folder for temporary files, umask, number of cores and owner of the context."""
    made.restore(empty=True)
    context = Path(made.site.folder, "context")
    if os.getuid() == 0:
        for path in (context / "src", context / "src" / "app.py"):
            os.chown(path, 12_345, 12_345)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    (tmp_path / "a longer path for temporary files").mkdir()
    before = os.umask(0o077)
    try:
        with environment(TMPDIR=str(tmp_path / "a longer path for temporary files"), HOME="/nowhere", LANG="C"):
            assert build(made.site, job(made.site)) == made.image
    finally:
        os.umask(before)
        tempfile.tempdir = None


def test_all_is_found_by_the_next_machine(made: Made) -> None:
    made.restore()
    report = HeardReport()
    assert made.again(report) == made.image
    assert not [line for line in report.lines if " made " in line], report.lines


def _killed(site: LayersSite, cache: Path) -> None:
    os.setsid()
    build(site, job(site), cache=cache)


def test_a_maker_that_is_killed_at_any_request_leaves_no_half_image(made: Made, tmp_path: Path) -> None:
    """Neither in the registry, nor in the builder's cache that the next maker has, too."""
    finished = 0
    for last in _some(range(1, made.requests)):
        made.restore(empty=True)
        process = _PROCESSES.Process(target=_killed, args=(made.site, tmp_path))
        left = last

        def kill(seen: Seen, process: multiprocessing.process.BaseProcess = process) -> bool:
            nonlocal left
            left -= 1
            if left == 0 and process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            return left > 0

        made.fake.handles = kill
        process.start()
        process.join(60)
        made.fake.handles = lambda seen: True
        if left > 0:
            # It needed fewer requests than the first maker: whether one of two threads that push equal bytes sees the
            # other's blob is chance.
            assert process.exitcode == 0 and left <= SPARED, f"{last - left} requests of {last}"
            finished += 1
        else:
            assert process.exitcode == -signal.SIGKILL
        assert made.again(cache=tmp_path) == made.image, f"killed at request {last}"
    assert finished <= SPARED


def test_what_the_registry_lost_is_made_again(made: Made) -> None:
    for digest in _some(sorted(made.blobs.keys() - made.before[0].keys())):
        made.restore()
        del made.fake.blobs[digest]
        assert made.again() == made.image, digest
    for name in _some(sorted(made.manifests.keys() - made.before[1].keys())):
        made.restore()
        del made.fake.manifests[name]
        assert made.again() == made.image, name


def test_a_registry_that_takes_no_artifacts_gets_the_image(made: Made) -> None:
    made.restore(empty=True)
    kinds = ("facts-", "wheels-")
    made.fake.faults = [Fault(path=f"/manifests/{kind}", method="PUT", status=415, times=1_000) for kind in kinds]
    report = HeardReport()
    assert made.again(report) == made.image
    made.fake.faults = []
    assert [line for line in report.lines if "is not kept for the next build" in line]
    assert made.again() == made.image


def _some(every: Sequence[T]) -> Sequence[T]:
    """As many as `FAULTS`, with the same distance; the last is one of them."""
    return every[:: -max(len(every) // FAULTS, 1)][:FAULTS]


def test_no_secret_is_in_what_is_stored_or_said(made: Made) -> None:
    stored = [_plain(data) for data in made.blobs.values()]
    stored += [body for _, body in made.manifests.values()]
    stored += ["\n".join(made.log).encode(), repr([key for key in made.manifests]).encode()]
    for data in stored:
        assert PASSWORD.encode() not in data and SECRET.encode() not in data
    assert any(b"many/m1.py" in data for data in stored), "the layers were searched, too"


def _plain(data: bytes) -> bytes:
    return inflated(data) if data[:4] == b"\x28\xb5\x2f\xfd" else data
