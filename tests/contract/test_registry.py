"""The contract suite of Registry, for any implementation."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from boatyard.build import Image
from boatyard.errors import BoatyardError
from boatyard.job import KEY_LABEL
from boatyard.memory import MemoryRegistry
from boatyard.ports import Registry
from boatyard.reference import Reference
from boatyard_registry import OciRegistry
from boatyard_registry.retries import Retries
from tests.registry.distribution import Distribution
from tests.registry.layouts import Layout
from tests.registry.server import FakeRegistry, Fault, running

DENIED, DOWN = "REGISTRY_DENIED", "REGISTRY_UNAVAILABLE"


class World(Protocol):
    """A registry and the means to put it into a state."""

    host: str

    @property
    def registry(self) -> Registry: ...

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        """`keys` are the labels io.boatyard.key of the platforms' images; a platform that is left out has none."""
        ...

    def fail(self, code: str) -> None: ...

    def repair(self) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.registry = MemoryRegistry()
        self.host = "registry.example"

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        digest = "sha256:" + (str(len(platforms)) * 64)
        reference = Reference.parse(f"{self.host}/{path}:{tag}")
        key = keys[0] if len(set(keys)) == 1 and len(keys) == len(platforms) else None
        image = Image(reference=str(reference.at(digest)), digest=digest, platforms=platforms, key=key)
        self.registry.push(reference, image)
        return digest

    def fail(self, code: str) -> None:
        self.registry.failure = BoatyardError(code, "told to fail")

    def repair(self) -> None:
        self.registry.failure = None


class OverHttp:
    def __init__(self, fake: FakeRegistry) -> None:
        self._fake = fake
        self.host = fake.address
        self.registry = OciRegistry(insecure=[fake.address], retries=Retries(attempts=2, first_pause_seconds=0.001))

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        labels = [{KEY_LABEL: key} for key in keys] + [{}] * (len(platforms) - len(keys))
        if len(platforms) == 1:
            return self._fake.add_image(path, tag, platform=platforms[0], labels=labels[0])
        return self._fake.add_index(path, tag, platforms, labels=labels)

    def fail(self, code: str) -> None:
        self._fake.faults = [Fault(status=403 if code == DENIED else 503, times=10**6)]

    def repair(self) -> None:
        self._fake.faults = []


class Real:
    """The distribution project's registry. It refuses by requiring a password, and is down when it is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "registry").mkdir()
        self.process = Distribution(folder / "registry")
        self.host = self.process.address
        self.registry = self._lookup()
        self._pushed = 0

    def push(self, path: str, tag: str, platforms: tuple[str, ...], *keys: str) -> str:
        self._pushed += 1
        layout = Layout(self._folder / f"layout-{self._pushed}")
        labels = [{KEY_LABEL: key} for key in keys] + [{}] * (len(platforms) - len(keys))
        images = [
            layout.image(platform.encode(), platform=platform, labels=each)
            for platform, each in zip(platforms, labels, strict=True)
        ]
        top = images[0] if len(images) == 1 else layout.index(*images)
        return layout.push(top, f"http://{self.host}/v2/{path}", tag)

    def fail(self, code: str) -> None:
        if code == DENIED:
            self.process.start(guarded=True)
        else:
            self.process.stop()

    def repair(self) -> None:
        self.process.start()

    def _lookup(self) -> OciRegistry:
        return OciRegistry(insecure=[self.host], retries=Retries(attempts=2, first_pause_seconds=0.001))


@pytest.fixture(params=["memory", "http", pytest.param("real", marks=pytest.mark.integration)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    match request.param:
        case "memory":
            yield InMemory()
        case "http":
            with running() as fake:
                yield OverHttp(fake)
        case _:
            real = Real(tmp_path)
            yield real
            real.process.stop()


BOTH = ("linux/amd64", "linux/arm64")


def reference(world: World, name: str) -> Reference:
    return Reference.parse(f"{world.host}/acme/{name}")


def test_what_was_never_pushed_is_not_found(world: World) -> None:
    assert world.registry.find(reference(world, "image:tag"), ()) is None


def test_what_was_pushed_is_found_by_its_tag_and_its_digest(world: World) -> None:
    digest = world.push("acme/image", "tag", ("linux/amd64",))
    for name in ("image:tag", f"image@{digest}", f"image:tag@{digest}"):
        image = world.registry.find(reference(world, name), ("linux/amd64",))
        assert image is not None
        assert (image.digest, image.platforms) == (digest, ("linux/amd64",))
        assert image.reference == f"{world.host}/acme/image@{digest}"


def test_another_tag_and_another_repository_are_not_found(world: World) -> None:
    world.push("acme/image", "tag", ("linux/amd64",))
    assert world.registry.find(reference(world, "image:other"), ()) is None
    assert world.registry.find(reference(world, "other:tag"), ()) is None


@pytest.mark.parametrize("wanted", [(), ("linux/amd64",), ("linux/arm64",), BOTH, BOTH[::-1]])
def test_all_platforms_asked_for_must_be_there(world: World, wanted: tuple[str, ...]) -> None:
    world.push("acme/image", "tag", BOTH)
    image = world.registry.find(reference(world, "image:tag"), wanted)
    assert image is not None and set(image.platforms) == set(BOTH)


@pytest.mark.parametrize("wanted", [("linux/arm64",), BOTH, ("linux/s390x",)])
def test_one_platform_too_few_is_not_found(world: World, wanted: tuple[str, ...]) -> None:
    world.push("acme/image", "tag", ("linux/amd64",))
    assert world.registry.find(reference(world, "image:tag"), wanted) is None


@pytest.mark.parametrize(
    ("platforms", "keys", "expected"),
    [
        (BOTH[:1], ("k",), "k"),
        (BOTH[:1], (), None),
        (BOTH, ("k", "k"), "k"),
        (BOTH, ("k", "another"), None),
        (BOTH, ("k",), None),
        (BOTH, (), None),
    ],
)
def test_the_key_is_the_label_that_all_platforms_have(
    world: World, platforms: tuple[str, ...], keys: tuple[str, ...], expected: str | None
) -> None:
    """Also for a request for one platform: a node may run any other platform of the index."""
    world.push("acme/image", "tag", platforms, *keys)
    for wanted in ((), BOTH[:1], platforms):
        for _ in range(2):  # what is read once and kept is the same
            image = world.registry.find(reference(world, "image:tag"), wanted)
            assert image is not None and image.key == expected


@pytest.mark.parametrize("code", [DENIED, DOWN])
@pytest.mark.parametrize("there", [True, False])
def test_what_cannot_be_known_is_raised_and_not_remembered(world: World, code: str, there: bool) -> None:
    if there:
        world.push("acme/image", "tag", ("linux/amd64",))
    world.fail(code)
    with pytest.raises(BoatyardError) as caught:
        world.registry.find(reference(world, "image:tag"), ("linux/amd64",))
    assert caught.value.code == code
    world.repair()
    assert (world.registry.find(reference(world, "image:tag"), ("linux/amd64",)) is not None) is there


def test_a_tag_that_moved_leads_to_the_new_image(world: World) -> None:
    old = world.push("acme/image", "tag", ("linux/amd64",))
    assert world.registry.find(reference(world, "image:tag"), ()) is not None
    new = world.push("acme/image", "tag", BOTH)
    image = world.registry.find(reference(world, "image:tag"), ())
    assert image is not None and image.digest == new != old


def test_what_is_not_there_keeps_nobody_from_pushing(world: World) -> None:
    world.push("acme/image", "other", ("linux/amd64",))
    assert world.registry.replaceable(reference(world, "image:tag"))


def test_a_tag_that_moves_is_replaceable(world: World) -> None:
    world.push("acme/image", "tag", ("linux/amd64",))
    assert world.registry.replaceable(reference(world, "image:tag"))
