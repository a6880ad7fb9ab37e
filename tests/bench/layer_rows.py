"""The rows of `layers`: each changes an image. They share what they start from, so their order saves minutes."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import flyte

from boatyard.reference import Reference
from boatyard_client.client import Outcome
from tests.bench import report
from tests.bench.deployment import BASE
from tests.bench.images import ADDED
from tests.bench.machine import Machine
from tests.bench.measure import Row, compare, timed
from tests.bench.sides import folder, source
from tests.bench.wheels import make_wheel

PACKAGES: Final = ("requests==2.32.3", "rich==14.0.0", "pandas==2.2.3")
CHANGED: Final = ("2.32.2", "2.32.1", "2.32.0", "2.31.0", "2.30.0")
_HEAVY_MB: Final = 400
"""Before compression to about 200: what torch's smaller wheels have."""
_MANY: Final = 200
_MOST_LAYERS: Final = 40
_MOST_MEMORY: Final = 512 * 1024**2
_ALL_MB: Final = 2000
FLYTE_BASE: Final = "flyteorg/flyte:py3.11"
"""Its stand-in of the engine has an environment, so nothing of its image needs a program of arm64."""


class Compared(NamedTuple):
    row: Row
    at_most: float
    """Of flyte's time."""


class Stated(NamedTuple):
    """A row without a peer."""

    what: str
    value: str
    wanted: str


class Bench:
    """What the rows share. Every name is new, so the registry knows no layer of it."""

    def __init__(self, here: Machine, wheels: Path, url: str, runs: int) -> None:
        self.here = here
        self.wheels = wheels
        self.runs = runs
        self._url = url
        start = random.SystemRandom().randrange(10**9)
        self._fresh = iter(range(start, start + 10**6))
        self._source = folder()
        self._known = ""
        self.with_apt = ""
        """The name of an image of apt and PACKAGES that Boatyard has built, if there is one."""

    @property
    def known(self) -> str:
        """The name of an image of PACKAGES that both sides have built."""
        if not self._known:
            self._known = self.name()
            self.both(self.image(self._known, *PACKAGES))
        return self._known

    def name(self) -> str:
        return f"bench{next(self._fresh)}"

    def image(
        self, name: str, *packages: str, apt: bool = False, file: bool = False, platform: str = "", base: str = BASE
    ) -> flyte.Image:
        image = flyte.Image.from_base(base).clone(name=name, extendable=True, python_version=(3, 11))
        if platform:
            image = image.clone(name=name, platform=(platform,))  # type: ignore[arg-type]
        if apt:
            image = image.with_apt_packages("curl", "git")
        image = image.with_pip_packages(*packages, extra_index_urls=f"{self._url}/public/simple")
        return image.with_source_file(source(self._source, next(self._fresh)), "/srv/main.py") if file else image

    def own(self, image: flyte.Image, *options: str) -> str:
        return self.here.own.build(image, f"t{next(self._fresh)}", *options)

    def ours(self, image: flyte.Image) -> Outcome:
        return self.here.ours.build(image)

    def built(self, image: flyte.Image) -> Outcome:
        """Raises AssertionError if the registry had the image: then nothing was measured."""
        made = self.ours(image)
        assert made.build is not None, "the image was there already"
        return made

    def from_wheels(self, image: flyte.Image) -> Outcome:
        """Raises AssertionError if the packages were installed in another way."""
        made = self.ours(image)
        log = self.here.ours.log(made)
        assert "made from wheels" in log, f"not made from wheels: {log[-300:]}"
        return made

    def both(self, image: flyte.Image) -> None:
        """Builds on both sides, so that both know the layers."""
        self.own(image)
        self.ours(image)

    def compare(
        self,
        what: str,
        at_most: float,
        made: Callable[[int], flyte.Image],
        before: Callable[[], object] = int,
    ) -> Compared:
        row = compare(what, self.runs, lambda n: self.own(made(n)), lambda n: self.built(made(n)), before)
        return Compared(row, at_most)


def _one_more(bench: Bench, name: str, *, apt: bool = False) -> Callable[[int], flyte.Image]:
    return lambda number: bench.image(name, *PACKAGES, ADDED[number % len(ADDED)], apt=apt)


def one_added(bench: Bench) -> Compared:
    return bench.compare("one pip package added, warm", 0.10, _one_more(bench, bench.known))


def _on_an_empty_machine(bench: Bench, what: str, name: str, *, apt: bool) -> Compared:
    bench.own(bench.image(name, *PACKAGES, apt=apt), *bench.here.own.cache_flags(name, write=True))
    cached = bench.here.own.cache_flags(name, write=False)
    made = _one_more(bench, name, apt=apt)
    row = compare(
        what,
        bench.runs,
        lambda number: bench.own(made(number), *cached),
        lambda number: bench.built(made(number)),
        before=bench.here.empty,
    )
    return Compared(row, 0.20)


def one_added_empty(bench: Bench) -> Compared:
    name = bench.name()  # the warm row has added the same packages to the known one
    bench.both(bench.image(name, *PACKAGES))
    return _on_an_empty_machine(bench, "one pip package added, empty machine", name, apt=False)


def one_added_apt_empty(bench: Bench) -> Compared:
    if not bench.with_apt:
        bench.with_apt = bench.name()
        bench.ours(bench.image(bench.with_apt, *PACKAGES, apt=True))
    return _on_an_empty_machine(bench, "apt and packages: one added, empty machine", bench.with_apt, apt=True)


def one_removed(bench: Bench) -> Compared:
    name = bench.known
    bench.both(bench.image(name, *PACKAGES, *ADDED))
    return bench.compare(
        "one pip package removed",
        0.10,
        lambda number: bench.image(name, *PACKAGES, *(each for each in ADDED if each != ADDED[number % len(ADDED)])),
    )


def one_changed(bench: Bench) -> Compared:
    name = bench.known
    others = PACKAGES[1:]
    return bench.compare(
        "one version changed",
        0.10,
        lambda number: bench.image(name, f"requests=={CHANGED[number % len(CHANGED)]}", *others),
    )


def _cold(bench: Bench, what: str, at_most: float, *packages: str, apt: bool = False) -> Compared:
    names = [bench.name() for _ in range(bench.runs)]
    row = bench.compare(
        what,
        at_most,
        lambda number: bench.image(names[number], *packages, apt=apt),
        before=bench.here.empty,
    )
    if apt:
        bench.with_apt = names[-1]
    return row


def cold(bench: Bench) -> Compared:
    return _cold(bench, "cold, packages only", 0.6, *PACKAGES)


def cold_heavy(bench: Bench) -> Compared:
    make_wheel(bench.wheels, "bench-heavy", "1.0", _HEAVY_MB)
    return _cold(bench, "cold, a wheel of 200 MB", 0.6, "bench-heavy==1.0")


def cold_apt(bench: Bench) -> Compared:
    return _cold(bench, "cold, apt and packages", 0.7, *PACKAGES, apt=True)


def one_file(bench: Bench) -> Compared:
    name = bench.known
    bench.both(bench.image(name, *PACKAGES, file=True))
    return bench.compare("one source file changed", 0.5, lambda _: bench.image(name, *PACKAGES, file=True))


def arm64(bench: Bench) -> Stated:
    found = [rule.image for rule in bench.here.settings.base_images if FLYTE_BASE in rule.match]
    base = bench.here.base_for_both(Reference.parse(found[0]), bench.name())
    bench.here.empty()
    once = timed(lambda: bench.from_wheels(bench.image(bench.name(), *PACKAGES, platform="linux/arm64", base=base)))
    return Stated("arm64 of wheels on this machine, cold", report.seconds(once), "")


def pulled(bench: Bench) -> Stated:
    """Bytes of layers that the image before does not have."""
    wheel = make_wheel(bench.wheels, "bench-pulled", "1.0", 20)
    name = bench.known
    before = bench.ours(bench.image(name, *PACKAGES)).image
    after = bench.ours(bench.image(name, *PACKAGES, "bench-pulled==1.0")).image
    assert before and after
    known = {layer.digest for layer in bench.here.layers(before)}
    size = sum(layer.size for layer in bench.here.layers(after) if layer.digest not in known)
    own = wheel.stat().st_size
    value = f"{size / 1e6:.1f} MB, {size / own:.2f} times the wheel's {own / 1e6:.1f} MB"
    return Stated("bytes that a node pulls after one package added", value, "1.2 times")


def seen(bench: Bench) -> Stated:
    """Each image is new, and all its wheels have been in one before."""
    name = bench.name()
    bench.ours(bench.image(name, *PACKAGES, *ADDED))
    images = [bench.image(name, *PACKAGES[::-1], *ADDED[: number + 1]) for number in range(min(bench.runs, len(ADDED)))]
    times = sorted(timed(lambda image=image: bench.ours(image)) for image in images)  # type: ignore[misc]
    return Stated("an image of seen wheels", report.seconds(times[len(times) // 2]), "2 s")


def memory(bench: Bench) -> Stated:
    names = [f"bench-memory{number}" for number in range(10)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: make_wheel(bench.wheels, name, "1.0", _ALL_MB / len(names), stored=True), names))
    with bench.here.watched() as peak:
        bench.from_wheels(bench.image(bench.name(), *(f"{name}==1.0" for name in names)))
    value = f"{peak[0] / 1024**2:.0f} MiB"
    return Stated("memory of the maker, 2 GB of wheels", value, f"{_MOST_MEMORY // 1024**2} MiB")


def many(bench: Bench) -> Stated:
    names = [f"bench-many{number}" for number in range(_MANY)]
    for name in names:
        make_wheel(bench.wheels, name, "1.0", 0.1)
    made = bench.from_wheels(bench.image(bench.name(), *(f"{name}==1.0" for name in names))).image
    assert made
    return Stated(f"layers of an image of {_MANY} packages", str(len(bench.here.layers(made))), str(_MOST_LAYERS))


ROWS: Final[dict[str, Callable[[Bench], Compared | Stated]]] = {
    "added": one_added,
    "removed": one_removed,
    "changed": one_changed,
    "file": one_file,
    "pulled": pulled,
    "seen": seen,
    "added-empty": one_added_empty,
    "cold": cold,
    "cold-heavy": cold_heavy,
    "cold-apt": cold_apt,
    "added-apt-empty": one_added_apt_empty,
    "arm64": arm64,
    "memory": memory,
    "many": many,
}
