"""Wheels are made while BuildKit runs the commands before them, and commands that change the environment are heeded."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boatyard_layers.ahead import WheelsAhead
from boatyard_layers.errors import NotExact
from boatyard_layers.image import LayeredImage
from boatyard_layers.inventory import Inventory
from boatyard_layers.made import Made
from boatyard_layers.plan import MakerStep
from tests.layers import machine
from tests.layers.machine import MINOR, HeardReport, LayersSite, build, job
from tests.registry.server import FakeRegistry

SITE = f"opt/venv/lib/python{MINOR}/site-packages"
MOST_SECONDS = 60.0
NOTHING = Made(config={}, layers=(), inventory=Inventory.empty(), files={})


class Place:
    def __init__(self, fake: FakeRegistry, site: LayersSite) -> None:
        self.fake = fake
        self.site = site
        self._before = dict(fake.blobs), dict(fake.manifests)

    def wheels(self) -> set[str]:
        """Tags of the layers of wheels that the registry has."""
        return {name for _, name in self.fake.manifests if name.startswith("wheels-")}

    def wait_for_wheels(self) -> None:
        """Of both layers: many and few, and the other version of few."""
        deadline = time.monotonic() + MOST_SECONDS
        while len(self.wheels()) < 3:
            assert time.monotonic() < deadline, f"{self.wheels()} were made while the commands ran"
            time.sleep(0.01)

    def build(self, folder: Path, *, ahead: bool, **options: object) -> tuple[LayeredImage, list[str]]:
        """On an empty machine, with an empty registry."""
        self.fake.blobs, self.fake.manifests = (dict(each) for each in self._before)
        report = HeardReport()
        with pytest.MonkeyPatch.context() as patch:
            if not ahead:
                patch.setattr(WheelsAhead, "begin", lambda *_: ())
            image = build(self.site, job(self.site), report=report, cache=folder, **options)  # type: ignore[arg-type]
        return image, report.lines


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with machine.running_site(tmp_path_factory.mktemp("site")) as (fake, site):
        yield Place(fake, site)


def test_wheels_of_all_following_layers_are_made_while_commands_run(place: Place, tmp_path: Path) -> None:
    image, lines = place.build(tmp_path / "a", ahead=True, meanwhile=place.wait_for_wheels)
    begun = [line for line in lines if line.endswith(" begins while BuildKit runs")]
    assert len(begun) == 2 and all("with_pip_packages" in line for line in begun), lines
    assert place.build(tmp_path / "b", ahead=False)[0] == image


def test_commands_that_install_something_are_heeded(place: Place, tmp_path: Path) -> None:
    """They bring a newer `few` than the layer after them pins, and a `many` that satisfies it."""
    written: dict[str, bytes] = {}
    for name, version in (("few", "2.0"), ("many", "1.0")):
        info = f"{name}-{version}.dist-info"
        written |= {
            f"{SITE}/{info}/": b"",
            f"{SITE}/{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
            f"{SITE}/{info}/RECORD": f"{info}/METADATA,,\n{info}/RECORD,,\n".encode(),
        }
    image, _ = place.build(tmp_path / "a", ahead=True, written=written, meanwhile=place.wait_for_wheels)
    without, _ = place.build(tmp_path / "b", ahead=False, written=written)
    assert image == without
    assert len(place.wheels()) == 2, "many is there already"


@pytest.mark.parametrize("error", [NotExact("a source distribution"), RuntimeError("the disk is full")])
def test_what_fails_ahead_fails_when_its_turn_comes(error: Exception) -> None:
    tried: list[str] = []

    def after(step: MakerStep, made: Made) -> Made:
        tried.append(step.title)
        raise error

    ahead = WheelsAhead(after)
    assert [step.title for step in ahead.begin(_steps("wheels", "wheels"), NOTHING)] == ["0 wheels", "1 wheels"]
    ahead.wait()
    assert tried == ["0 wheels"]


def test_only_wheels_before_the_next_command_are_made_ahead() -> None:
    tried: list[str] = []

    def after(step: MakerStep, made: Made) -> Made:
        tried.append(step.title)
        return made

    ahead = WheelsAhead(after)
    begun = ahead.begin(_steps("config", "files", "wheels", "run", "wheels"), NOTHING)
    assert [step.title for step in begun] == ["2 wheels"]
    ahead.wait()
    assert tried == ["0 config", "2 wheels"]
    assert ahead.begin(_steps("files", "config", "run", "wheels"), NOTHING) == ()
    ahead.wait()
    assert len(tried) == 2


def test_the_layer_waits_for_what_was_begun() -> None:
    going, ended = threading.Event(), threading.Event()

    def after(step: MakerStep, made: Made) -> Made:
        assert going.wait(MOST_SECONDS)
        ended.set()
        return made

    ahead = WheelsAhead(after)
    ahead.begin(_steps("wheels"), NOTHING)
    threading.Timer(0.05, going.set).start()
    ahead.wait()
    assert ended.is_set()


def _steps(*makers: str) -> tuple[MakerStep, ...]:
    made: Callable[..., MakerStep] = MakerStep
    return tuple(
        made(number=number, title=f"{number} {maker}", maker=maker, prefix="", first_line=1, last_line=1)
        for number, maker in enumerate(makers)
    )
