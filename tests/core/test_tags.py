"""Further tags for an image never replace an image that a key names."""

import pytest

from boatyard.errors import BoatyardError
from boatyard.settings import Access, Cache, Settings
from boatyard.tags import parse_tags

SETTINGS = Settings(
    default_repository="r.example/images",
    access=Access(registries=("r.example/*", "docker.io/acme/*")),
    cache=Cache(repository="r.example/cache"),
)


def test_tags_are_read_as_docker_reads_them() -> None:
    found = parse_tags(["r.example/a:v1", "acme/b", "R.example/a:v1"], SETTINGS)
    assert [str(tag) for tag in found] == ["docker.io/acme/b:latest", "r.example/a:v1"]


@pytest.mark.parametrize(
    ("tag", "code", "words"),
    [
        ("app:v1", "INVALID_SPEC", "Docker Hub's own"),
        ("r.example/a:" + "a" * 32, "INVALID_SPEC", "derives from a key"),
        ("r.example/images/image:image-" + "0" * 32, "INVALID_SPEC", "derives from a key"),
        ("r.example/a@sha256:" + "a" * 64, "INVALID_SPEC", "digest"),
        ("r.example/a:v1@sha256:" + "a" * 64, "INVALID_SPEC", "digest"),
        ("r.example/a:b:c", "INVALID_SPEC", "not"),
        ("-t", "INVALID_SPEC", "not"),
        ("r.example/cache:x", "FORBIDDEN", "cache"),
        ("evil.example/a:v1", "FORBIDDEN", "not allowed"),
    ],
)
def test_anything_else_is_refused(tag: str, code: str, words: str) -> None:
    with pytest.raises(BoatyardError, match=words) as refused:
        parse_tags(["r.example/fine:v1", tag], SETTINGS)
    assert refused.value.code == code


def test_a_tag_with_more_digits_than_a_key_has_is_a_users() -> None:
    assert parse_tags(["r.example/a:" + "a" * 40, "r.example/a:v" + "a" * 32], SETTINGS)
