"""Rules for base images hold for specs and for Dockerfiles alike."""

import time

import pytest

from boatyard.base_images import effective, named, replaced, stages
from boatyard.errors import BoatyardError
from boatyard.plan import Order
from boatyard.ports import Scope
from boatyard.settings import BaseImageRule, Settings
from boatyard.spec import parse_spec
from tests.core.orders import planned

RULES = (
    BaseImageRule(match="python:3.11-slim", image="r.example/python:1"),
    BaseImageRule(match="python:*", image="r.example/other:2"),
)
DOCKERFILE = """# FROM python:3.9
FROM --platform=$BUILDPLATFORM python:3.11-slim AS build
RUN echo "
FROM nothing "
from python:3.12
FROM build
FROM $BASE
FROM debian:12
"""


def test_the_first_rule_that_matches_wins() -> None:
    assert str(effective("python:3.11-slim", RULES)) == "r.example/python:1"
    assert str(effective("python:3.12", RULES)) == "r.example/other:2"
    assert str(effective("debian:12", RULES)) == "docker.io/library/debian:12"


def test_a_dockerfiles_images_are_found_as_they_are_written() -> None:
    assert replaced(DOCKERFILE, RULES) == {"python:3.11-slim": "r.example/python:1", "python:3.12": "r.example/other:2"}


def test_the_name_of_a_stage_is_no_image() -> None:
    """BuildKit puts a named context in the place of a stage of that name (seen with 0.13)."""
    every = (BaseImageRule(match="*", image="r.example/all:1"),)
    text = "FROM one AS Build\nFROM build as two\nFROM two\nFROM three\nFROM scratch\nFROM four\nFROM five AS six\n"
    assert list(replaced(text, every)) == ["one", "three", "four", "five"]


@pytest.mark.parametrize("image", ["go", "go:latest", "docker.io/library/go"])
def test_a_stage_with_the_name_of_a_replaced_image_is_refused(image: str) -> None:
    rules = (BaseImageRule(match="*", image="r.example/all:1"),)
    with pytest.raises(BoatyardError, match="another name"):
        replaced(f"FROM {image} AS Go\nRUN true\nFROM go\n", rules)
    assert replaced(f"FROM {image} AS build\nFROM build\n", rules) == {image: "r.example/all:1"}
    assert replaced("FROM go:1 AS go\nFROM go\n", rules) == {"go:1": "r.example/all:1"}


def test_a_replaced_image_that_is_no_reference_is_refused() -> None:
    with pytest.raises(BoatyardError) as refused:
        replaced("FROM x=https://evil.example\n", (BaseImageRule(match="*", image="r.example/all:1"),))
    assert refused.value.field == "spec.dockerfile"


def test_the_images_of_a_dockerfile() -> None:
    text = "ARG V=1\nFROM python:3.12 AS build\nfrom --platform=$P ghcr.io/a/b\nFROM x:${V}\nFROM scratch\n#FROM no\n"
    assert named(text) == ("python:3.12", "ghcr.io/a/b")
    assert stages(text) == {"build"}


def test_many_empty_lines_are_read_in_no_time() -> None:
    before = time.process_time()
    assert named("\n" * 500_000 + "FROM a \t\n" + "FROM b " + " " * 500_000 + "c\n") == ("a",)
    assert time.process_time() - before < 5


def test_a_rule_that_changes_what_a_dockerfile_means_changes_its_key() -> None:
    def key(*rules: BaseImageRule) -> str:
        settings = Settings(default_repository="r.example/i", base_images=rules)
        order = Order(spec=parse_spec({"dockerfile": DOCKERFILE}), scope=Scope("p", "d"))
        return planned(order, settings).keys.image

    other = BaseImageRule(match="alpine", image="r.example/alpine:1")
    assert key() == key(other)
    assert len({key(), key(RULES[0]), key(*RULES)}) == 3


def test_the_images_that_a_dockerfile_names_are_neither_its_stages_nor_scratch() -> None:
    text = "FROM a:1 AS One\nFROM --platform=x B/c AS two\nFROM one\nFROM scratch\nFROM $X\nfrom a:1\nFROM later\n"
    text += "FROM d AS later\n"
    assert named(text) == ("a:1", "B/c", "later", "d"), "a stage has its name from its own line on"
    assert named("") == ()
