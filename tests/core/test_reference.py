"""References are parsed as by Docker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard.errors import BoatyardError
from boatyard.reference import Reference, Repository, context_name

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.12-slim", "docker.io/library/python:3.12-slim"),
        ("acme/app", "docker.io/acme/app:latest"),
        ("index.docker.io/acme/app", "docker.io/acme/app:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest"),
        (f"ghcr.io/a/b@{DIGEST}", f"ghcr.io/a/b@{DIGEST}"),
        (f"ghcr.io/a/b:t@{DIGEST}", f"ghcr.io/a/b:t@{DIGEST}"),
        ("a__b--c/d.e", "docker.io/a__b--c/d.e:latest"),
        ("docker.io/python", "docker.io/library/python:latest"),
        ("registry-1.docker.io/library/python:3", "docker.io/library/python:3"),
        ("Docker.IO/python", "docker.io/library/python:latest"),
        ("GHCR.io/acme/x:V1", "ghcr.io/acme/x:V1"),
        ("HOST/x", "HOST/x:latest"),
        ("[fd00::1]:5000/a/b", "[fd00::1]:5000/a/b:latest"),
        ("127.0.0.1:5000/python@" + DIGEST, "127.0.0.1:5000/python@" + DIGEST),
        ("python:3.11@" + DIGEST, "docker.io/library/python:3.11@" + DIGEST),
        ("a@sha512:" + "0" * 128, "docker.io/library/a@sha512:" + "0" * 128),
        ("a/" + "b" * 250, "docker.io/a/" + "b" * 250 + ":latest"),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    assert str(Reference.parse(text)) == normal
    assert Reference.parse(normal) == Reference.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "@", "A/B", "a//b", "/a", "a/", "a:", "a:b:c", "a b", "a\nb", "a..b", "-a", "$(x)"),
        *(
            "x@sha256:0",
            "a@sha512:" + "0" * 64,
            "a@md5:" + "0" * 32,
            "f" * 64,
            "[::g]/x",
            "python:3@",
            "Python:3",
            "host:99999999/x",
            "ghcr.io/../x",
            "http://x/y",
        ),
        *("a:" + "t" * 129, "a" * 300),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BoatyardError):
        Reference.parse(text)


@given(st.text(max_size=40))
def test_nothing_unforeseen_comes_out(text: str) -> None:
    try:
        made = Reference.parse(text)
    except BoatyardError:
        return
    assert Reference.parse(str(made)) == made
    assert not set(str(made)) & set(" \t\n\"'$\\{}")


def test_a_digest_names_the_same_bytes_for_ever() -> None:
    assert str(Reference.parse("ghcr.io/a/b:t").at(DIGEST)) == f"ghcr.io/a/b@{DIGEST}"
    assert Repository.parse("ghcr.io/a").child("b") == Repository.parse("ghcr.io/a/b")


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("python", "python"),
        ("python:latest", "python"),
        ("docker.io/library/python:3", "python:3"),
        ("index.docker.io/acme/x", "acme/x"),
        ("docker.io/library/a/b", "library/a/b"),
        ("ghcr.io/a/b:latest", "ghcr.io/a/b"),
        ("GHCR.io/a/b:1", "GHCR.io/a/b:1"),
        ("registry-1.docker.io/library/python:3", "registry-1.docker.io/library/python:3"),
        (f"python:latest@{DIGEST}", f"python:latest@{DIGEST}"),
    ],
)
def test_the_name_of_a_named_context_is_the_one_that_buildkit_looks_for(image: str, name: str) -> None:
    assert context_name(image) == name
