"""The in-memory registry: found, not found, and unknown."""

import pytest

from boatyard.build import Image
from boatyard.errors import BoatyardError
from boatyard.memory import MemoryRegistry
from boatyard.reference import Reference

TAGGED = Reference.parse("registry.example.com/images/image:1")
DIGEST = "sha256:" + "e" * 64
IMAGE = Image(reference=str(TAGGED.at(DIGEST)), digest=DIGEST, platforms=("linux/amd64", "linux/arm64"))


def test_it_finds_by_tag_and_digest_what_was_pushed() -> None:
    registry = MemoryRegistry()
    assert registry.find(TAGGED, ()) is None
    registry.push(TAGGED, IMAGE)
    assert registry.find(TAGGED, ["linux/arm64"]) == IMAGE
    assert registry.find(TAGGED.at(DIGEST), ()) == IMAGE
    assert registry.find(Reference.parse(f"{TAGGED}@{DIGEST}"), ()) == IMAGE


def test_an_image_without_a_platform_is_not_found_for_it() -> None:
    registry = MemoryRegistry()
    registry.push(TAGGED, IMAGE)
    assert registry.find(TAGGED, ["linux/riscv64"]) is None


def test_what_is_down_is_neither() -> None:
    registry = MemoryRegistry()
    registry.push(TAGGED, IMAGE)
    registry.failure = BoatyardError("REGISTRY_UNAVAILABLE", "no connection")
    with pytest.raises(BoatyardError, match="no connection"):
        registry.find(TAGGED, ())
    registry.failure = None
    registry.delete(TAGGED)
    assert registry.find(TAGGED, ()) is None
