"""A layout is pushed whole or not at all, and what is there is not sent again."""

from pathlib import Path
from typing import Any

import pytest

from boatyard.errors import BoatyardError
from boatyard.reference import Reference
from boatyard_registry import push_layout
from boatyard_registry.media import Descriptor
from tests.registry.conftest import Lookup, Passwords
from tests.registry.layouts import Layout
from tests.registry.server import FakeRegistry, Fault, digest_of


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def refused(lookup: Lookup, folder: Path, image: Reference, **options: Any) -> BoatyardError:
    with pytest.raises(BoatyardError) as caught:
        push_layout(lookup(**options), folder, image)
    return caught.value


def test_an_image_can_be_found_afterwards(fake: FakeRegistry, lookup: Lookup, image: Reference, layout: Layout) -> None:
    top = layout.image(b"one", b"two" * 10_000)
    registry = lookup()
    assert push_layout(registry, layout.root(top), image) == top["digest"]
    found = registry.find(image, ("linux/amd64",))
    assert found and found.digest == top["digest"]
    assert fake.blobs[digest_of(b"one")] == b"one"


def test_an_index_is_pushed_after_its_images(
    fake: FakeRegistry, lookup: Lookup, image: Reference, layout: Layout
) -> None:
    children = [layout.image(b"a"), layout.image(b"b", platform="linux/arm64")]
    push_layout(lookup(), layout.root(layout.index(*children)), image)
    written = [path.rpartition("/")[2] for path in fake.paths("PUT") if "/manifests/" in path]
    assert written == [children[0]["digest"], children[1]["digest"], "tag"]


def test_blobs_that_are_there_are_not_sent(
    fake: FakeRegistry, lookup: Lookup, image: Reference, layout: Layout
) -> None:
    fake.add_blob(b"base")
    told: dict[str, bool] = {}

    def pushed(blob: Descriptor, existed: bool) -> None:
        told[blob.digest] = existed

    push_layout(lookup(), layout.root(layout.image(b"base", b"new")), image, pushed=pushed)
    assert (told[digest_of(b"base")], told[digest_of(b"new")]) == (True, False)
    assert len([path for path in fake.paths("POST")]) == 2  # the new layer and the config


def test_with_credentials(
    fake: FakeRegistry, lookup: Lookup, login: Passwords, image: Reference, layout: Layout
) -> None:
    fake.auth = "bearer"
    push_layout(lookup(keychain=login), layout.root(layout.image(b"x")), image)
    assert any("pull%2Cpush" in path for path in fake.paths())


def test_without_permission(fake: FakeRegistry, lookup: Lookup, image: Reference, layout: Layout) -> None:
    fake.read_only = True
    assert refused(lookup, layout.root(layout.image(b"x")), image).code == "PUSH_DENIED"


def test_without_credentials(fake: FakeRegistry, lookup: Lookup, image: Reference, layout: Layout) -> None:
    fake.auth = "basic"
    assert refused(lookup, layout.root(layout.image(b"x")), image).code == "PUSH_DENIED"


def test_a_registry_that_fails_for_a_moment(
    fake: FakeRegistry, lookup: Lookup, image: Reference, layout: Layout
) -> None:
    fake.faults = [Fault(status=503, method="PUT"), Fault(close=True, method="POST"), Fault(status=429, method="HEAD")]
    assert push_layout(lookup(), layout.root(layout.image(b"x" * 100_000)), image)


def test_a_registry_that_stays_down_never_gets_the_tag(
    fake: FakeRegistry, lookup: Lookup, image: Reference, layout: Layout
) -> None:
    fake.faults = [Fault(status=503, method="PUT", path="/blobs/", times=99)]
    error = refused(lookup, layout.root(layout.image(b"x")), image)
    assert error.code == "REGISTRY_UNAVAILABLE"
    assert not fake.manifests


def test_a_registry_that_stored_something_else(
    fake: FakeRegistry, lookup: Lookup, image: Reference, layout: Layout
) -> None:
    other = {"docker-content-digest": "sha256:" + "0" * 64}
    fake.faults = [Fault(status=201, headers=other, method="PUT", path="/manifests/tag", times=99)]
    error = refused(lookup, layout.root(layout.image(b"x")), image)
    assert error.code == "REGISTRY_UNAVAILABLE" and "stored" in error.detail


class TestBrokenLayouts:
    def test_without_an_index(self, lookup: Lookup, image: Reference, layout: Layout) -> None:
        assert refused(lookup, layout.folder, image).code == "INTERNAL"

    def test_with_two_images(self, lookup: Lookup, image: Reference, layout: Layout) -> None:
        assert refused(lookup, layout.root(layout.image(b"a"), layout.image(b"b", b"c")), image).code == "INTERNAL"

    def test_with_a_missing_blob(self, fake: FakeRegistry, lookup: Lookup, image: Reference, layout: Layout) -> None:
        folder = layout.root(layout.image(b"x"))
        (folder / "blobs/sha256" / digest_of(b"x").removeprefix("sha256:")).unlink()
        assert refused(lookup, folder, image).code == "INTERNAL"
        assert not fake.manifests

    def test_with_another_manifest_than_named(self, lookup: Lookup, image: Reference, layout: Layout) -> None:
        top = layout.image(b"x")
        path = layout.folder / "blobs/sha256" / top["digest"].removeprefix("sha256:")
        path.write_bytes(path.read_bytes().replace(b'"n": 1', b'"n": 2').replace(b"2,", b"3,"))
        assert refused(lookup, layout.root(top), image).code == "INTERNAL"

    @pytest.mark.parametrize("digest", ["sha256:../../../etc/passwd", "md5:1", ""])
    def test_with_digests_that_are_paths(self, lookup: Lookup, image: Reference, layout: Layout, digest: str) -> None:
        top = layout.image(b"x") | {"digest": digest}
        assert refused(lookup, layout.root(top), image).code == "INTERNAL"
