"""Packages from indexes and git hosts that require a login. The secret with the login does not get into the image."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from boatyard.api.messages import SecretRequest
from boatyard_client.cli.secret import read
from tests.flyte.index import serve
from tests.flyte.projects import poetry_project
from tests.flyte.wheel import make_wheel
from tests.whole.git_host import GitHost, git_host
from tests.whole.yard import Yard, unique

pytestmark = pytest.mark.integration
PASSWORD = "hunter2-sources"
MOUNTED = "/run/keys/deploy"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel for Poetry, whose lock contains the hash."""
    return make_wheel(tmp_path_factory.mktemp("index"), "by-gamma", "3.0")


@pytest.fixture(scope="module")
def index(wheel: Path) -> Iterator[str]:
    make_wheel(wheel.parent, "by-private", "1.0")
    with serve(wheel.parent, PASSWORD) as url:
        yield f"{url}/private/simple"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHost]:
    with git_host(tmp_path_factory.mktemp("git"), name="by_git", token=PASSWORD) as made:
        yield made


def put(boatyard: Yard, **values: str) -> list[dict[str, str]]:
    """Sets the secrets and returns the layer's secretMounts."""
    for name, value in values.items():
        boatyard.client.put_secret(name, SecretRequest(kind="build", value=value))
    return [{"key": name} for name in values]


def prints(boatyard: Yard, image: str, code: str) -> str:
    """Returns what Python in the image prints. Checks that the image's configuration and history contain no
    password."""
    docker = boatyard.docker
    docker.run("pull", "--quiet", image)
    assert PASSWORD not in docker.run("image", "history", "--no-trunc", image) + docker.run("image", "inspect", image)
    return docker.run("run", "--rm", "--network", "none", image, "python", "-c", code).strip()


def test_a_uv_project_takes_its_index_s_login_from_variables(boatyard: Yard, index: str) -> None:
    secrets = put(boatyard, UV_INDEX_INTERNAL_USERNAME="user", UV_INDEX_INTERNAL_PASSWORD=PASSWORD)
    pyproject = f"""[project]
name = "app"
version = "1"
requires-python = ">=3.11"
dependencies = ["by-private"]

[[tool.uv.index]]
name = "internal"
url = "{index}"
"""
    layer = {
        "uvProject": {
            "pyproject": "0/p",
            "options": {"extraArgs": "--no-install-project"},
            "secretMounts": secrets,
        }
    }
    image = boatyard.build(unique(), layer, files={"0/p/pyproject.toml": pyproject.encode()})
    assert prints(boatyard, image, "import by_private; print(by_private.VERSION)") == "1.0"


def test_a_poetry_project_takes_its_source_s_login_from_variables(
    boatyard: Yard, index: str, wheel: Path, tmp_path: Path
) -> None:
    secrets = put(boatyard, POETRY_HTTP_BASIC_LOCAL_USERNAME="user", POETRY_HTTP_BASIC_LOCAL_PASSWORD=PASSWORD)
    pyproject = poetry_project(tmp_path, index, wheel)
    layer = {
        "poetryProject": {
            "pyproject": "0/pyproject.toml",
            "poetryLock": "0/poetry.lock",
            "extraArgs": "--no-root",
            "secretMounts": secrets,
        }
    }
    files: dict[str, bytes | Path] = {
        "0/pyproject.toml": pyproject.read_bytes(),
        "0/poetry.lock": (tmp_path / "poetry.lock").read_bytes(),
    }
    image = boatyard.build(unique(), layer, files=files)
    assert prints(boatyard, image, "import by_gamma; print(by_gamma.VERSION)") == "3.0"


def test_pip_packages_take_a_login_in_the_index_s_url(boatyard: Yard, index: str) -> None:
    secrets = put(boatyard, INDEX_PASSWORD=PASSWORD)
    url = index.replace("://", "://user:$INDEX_PASSWORD@")
    layer = {"pipPackages": {"packages": ["by-private"], "options": {"indexUrl": url}, "secretMounts": secrets}}
    image = boatyard.build(unique(), layer)
    assert prints(boatyard, image, "import by_private; print(by_private.VERSION)") == "1.0"


def test_a_package_comes_from_git_over_http_and_over_ssh(boatyard: Yard, host: GitHost, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(host.private_key)
    key = read(f"file:{tmp_path / 'key'}", "DEPLOY_KEY")
    token, deploy = put(boatyard, GIT_TOKEN=PASSWORD, DEPLOY_KEY=key)
    git: dict[str, Any] = {"aptPackages": {"packages": ["git", "openssh-client"]}}
    over_http = {
        "pipPackages": {"packages": [f"git+http://ci:$GIT_TOKEN@{host.http}/lib.git"], "secretMounts": [token]}
    }
    image = boatyard.build(git, unique(), over_http)
    assert prints(boatyard, image, "import by_git; print(by_git.WHO)") == "private"
    ssh = f"ssh -i {MOUNTED} -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new"
    over_ssh = {
        "pipPackages": {
            "packages": [f"git+ssh://git@{host.ssh}/lib.git"],
            "secretMounts": [{**deploy, "mountPath": MOUNTED}],
        }
    }
    image = boatyard.build(git, unique(), {"env": {"envVariables": {"GIT_SSH_COMMAND": ssh}}}, over_ssh)
    assert (
        prints(boatyard, image, f"import by_git, os; print(by_git.WHO, os.path.exists({MOUNTED!r}))") == "private False"
    )
