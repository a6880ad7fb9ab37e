"""Settings: the file, variables that override it, and one clear line for each error."""

from pathlib import Path

import pytest

from boatyard.settings import BaseImageRule, Settings
from boatyard_local import SettingsError, load_settings

FILE = """
defaultRepository = "127.0.0.1:5000/images"
platforms = ["linux/amd64", "linux/arm64"]

[buildkit]
driver = "buildx"

[limits]
concurrentBuilds = 7

[[baseImages]]
match = "python:*"
image = "127.0.0.1:5000/python:3.12"

[client]
url = "http://127.0.0.1:1"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "boatyard.toml"
    path.write_text(FILE)
    return path


def test_the_file_has_the_names_of_the_model(file: Path) -> None:
    settings = load_settings(file, {})
    assert settings.default_repository == "127.0.0.1:5000/images"
    assert settings.buildkit.driver == "buildx" and settings.limits.concurrent_builds == 7
    assert settings.base_images == (BaseImageRule(match="python:*", image="127.0.0.1:5000/python:3.12"),)


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings(None, {"PATH": "/bin", "BOATYARD_URL": "http://127.0.0.1:1"}) == Settings()


def test_the_environment_wins(file: Path) -> None:
    settings = load_settings(
        file,
        {
            "BOATYARD_DEFAULT_REPOSITORY": "ghcr.io/acme/images",
            "BOATYARD_LIMITS__CONCURRENT_BUILDS": "3",
            "BOATYARD_OUTPUT__REPRODUCIBLE": "true",
            "BOATYARD_PLATFORMS": "linux/arm64, linux/amd64",
            "BOATYARD_NETWORK__EXTRA_INDEX_URLS": '["https://a.example/simple"]',
            "BOATYARD_REGISTRY_MIRRORS": '{"docker.io": "mirror.example.com/hub"}',
        },
    )
    assert settings.default_repository == "ghcr.io/acme/images"
    assert settings.limits.concurrent_builds == 3 and settings.output.reproducible
    assert settings.platforms == ("linux/arm64", "linux/amd64")
    assert settings.network.extra_index_urls == ("https://a.example/simple",)
    assert settings.registry_mirrors == {"docker.io": "mirror.example.com/hub"}
    assert settings.buildkit.driver == "buildx", "what is not named stays"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limits = 3", ["limits", "expected `object`"]),
        ("[limits]\nconcurentBuilds = 3", ["limits", "concurentBuilds"]),
        ('[limits]\nconcurrentBuilds = "3"', ["limits.concurrentBuilds", "int"]),
        ('[buildkit]\ndriver = "magic"', ["buildkit.driver", "magic"]),
        ("[limits", ["not TOML", "]"]),
        ('[[baseImages]]\nmatch = "x"', ["baseImages", "image"]),
    ],
)
def test_a_wrong_file_is_one_line_that_names_file_and_field(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as wrong:
        load_settings(path, {})
    line = str(wrong.value)
    assert line.startswith(str(path)) and "\n" not in line
    assert all(word in line for word in words), line


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load_settings(tmp_path / "none.toml", {})
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not TOML"):
        load_settings(tmp_path / "bytes.toml", {})


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("BOATYARD_LIMITS__CONCURRENT_BUILDS", "many", ["limits.concurrentBuilds"]),
        ("BOATYARD_DEFAULT_REPOSITRY", "x", ["did you mean BOATYARD_DEFAULT_REPOSITORY"]),
        ("BOATYARD_LIMIT__CONCURRENT_BUILDS", "3", ["did you mean BOATYARD_LIMITS__CONCURRENT_BUILDS"]),
        ("BOATYARD_REGISTRY_MIRRORS", "docker.io=x", ["JSON"]),
        ("BOATYARD_PLATFORMS", "[1", ["not JSON"]),
        ("BOATYARD_BUILDKIT__DRIVER", "magic", ["buildkit.driver"]),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as wrong:
        load_settings(None, {variable: value})
    line = str(wrong.value)
    assert line.startswith(variable) and "\n" not in line
    assert all(word in line for word in words), line
