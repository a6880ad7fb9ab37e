"""The account of the engine's registry: where its password is stored, who gets it, and which of the user's settings are
kept."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest

from boatyard_local.docker_login import DockerLogin
from boatyard_local.engine import login
from boatyard_local.engine.layout import Layout

ADDRESS = "127.0.0.1:5050"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / ".boatyard")


@pytest.fixture
def users(tmp_path: Path) -> Path:
    folder = tmp_path / "docker"
    (folder / "cli-plugins").mkdir(parents=True)
    document = {"auths": {"ghcr.io": {"auth": "dTpw"}}, "credsStore": "desktop", "currentContext": "desktop-linux"}
    (folder / "config.json").write_text(json.dumps(document))
    return folder


def test_the_password_is_random_kept_and_its_owners_alone(layout: Layout, tmp_path: Path) -> None:
    made = login.password(layout)
    assert len(made) >= 43 and login.password(layout) == made
    assert login.password(Layout(tmp_path / "other")) != made
    for path in (layout.registry_password, login.write_htpasswd(layout)):
        assert path.stat().st_mode & 0o777 == 0o600
    name, _, hashed = layout.htpasswd.read_text().strip().partition(":")
    assert name == login.USER and made not in hashed
    assert bcrypt.checkpw(made.encode(), hashed.encode()) and not bcrypt.checkpw(b"no", hashed.encode())


@pytest.mark.parametrize("harm", [lambda path: path.chmod(0o644), lambda path: path.unlink()])
def test_a_password_that_others_could_know_is_replaced(layout: Layout, harm: Callable[[Path], None]) -> None:
    before = login.password(layout)
    harm(layout.registry_password)
    assert login.password(layout) != before


def test_docker_is_signed_in_to_the_registry_and_to_what_the_user_is(layout: Layout, users: Path) -> None:
    before = (users / "config.json").read_text()
    login.write_docker_config(layout, ADDRESS, users)
    made = json.loads((layout.docker_config / "config.json").read_text())
    assert (layout.docker_config / "config.json").stat().st_mode & 0o777 == 0o600
    assert made["credsStore"] == "desktop" and made["currentContext"] == "desktop-linux"
    assert set(made["auths"]) == {"ghcr.io", ADDRESS} and made["credHelpers"] == {ADDRESS: ""}
    assert (layout.docker_config / "cli-plugins").resolve() == users / "cli-plugins"
    assert (users / "config.json").read_text() == before
    found = DockerLogin(layout.docker_config).resolve(ADDRESS)
    assert found and (found.username, found.password) == (login.USER, login.password(layout))


def test_a_later_login_of_the_user_counts_at_once(layout: Layout, users: Path) -> None:
    login.write_docker_config(layout, ADDRESS, users)
    (users / "config.json").write_text(json.dumps({"auths": {"quay.io": {"auth": "bWU6cHc="}}}))
    later = (layout.docker_config / "config.json").stat().st_mtime_ns + 10**9
    os.utime(users / "config.json", ns=(later, later))
    asked = DockerLogin(layout.docker_config)
    found = asked.resolve("quay.io")
    assert found and (found.username, found.password) == ("me", "pw")
    assert asked.resolve("ghcr.io") is None and asked.resolve(ADDRESS)


@pytest.mark.parametrize("document", ["", "{", "[]", '{"auths": []}', '{"auths": {"x": 1}, "credHelpers": 2}'])
def test_a_broken_configuration_of_the_user_breaks_nothing(layout: Layout, users: Path, document: str) -> None:
    (users / "config.json").write_text(document)
    login.write_docker_config(layout, ADDRESS, users)
    assert ADDRESS in json.loads((layout.docker_config / "config.json").read_text())["auths"]


def test_without_a_users_folder_what_was_added_to_ours_stays(layout: Layout) -> None:
    login.write_docker_config(layout, ADDRESS)
    path = layout.docker_config / "config.json"
    document = json.loads(path.read_text())
    document["auths"]["ghcr.io"] = {"auth": "dTpw"}
    path.write_text(json.dumps(document))
    login.write_docker_config(layout, "127.0.0.1:5051")
    assert set(json.loads(path.read_text())["auths"]) == {"ghcr.io", ADDRESS, "127.0.0.1:5051"}
