"""Credentials are found by address, and nobody on loopback is asked for any."""

import importlib.metadata
from collections.abc import Iterator

import httpx
import pytest

from boatyard_client import auth
from boatyard_client.errors import ConfigError


class Point:
    def __init__(self, name: str, answer: object) -> None:
        self.name = name
        self._answer = answer

    def load(self) -> object:
        def find(url: str) -> object:
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return find


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Point]]:
    found: list[Point] = []
    monkeypatch.setattr(auth, "entry_points", lambda group: found if group == "boatyard.auth" else [])
    yield found


def test_the_first_that_claims_the_address_is_asked(points: list[Point]) -> None:
    mine = httpx.BasicAuth("a", "b")
    points += [Point("z", httpx.BasicAuth("z", "z")), Point("b", mine), Point("a", None)]
    assert auth.find_auth("https://boatyard.example.com") is mine
    assert auth.find_auth("http://127.0.0.1:8000") is None


def test_without_any_there_are_no_credentials(points: list[Point]) -> None:
    assert auth.find_auth("https://boatyard.example.com") is None


def test_one_that_breaks_is_named(points: list[Point]) -> None:
    points.append(Point("cloud", RuntimeError("not signed in")))
    with pytest.raises(ConfigError, match=r"credentials for https://x.example.com \(cloud\): not signed in"):
        auth.find_auth("https://x.example.com")


def test_the_group_is_one_that_distributions_can_name() -> None:
    assert auth.GROUP == "boatyard.auth" and list(importlib.metadata.entry_points(group=auth.GROUP)) is not None
