"""Fixtures: a service on loopback, a private folder, and an environment without the developer's configuration."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.service import MemoryService


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, without the machine's configuration."""
    for name in ("BOATYARD_URL", "BOATYARD_TOKEN", "BOATYARD_TOKEN_FILE", "BOATYARD_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def service() -> Iterator[MemoryService]:
    running = MemoryService()
    yield running
    running.close()
