"""A private Boatyard for these tests, on the engine that `make test` started."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import flyte
import httpx
import pytest
from flyte._internal.imagebuild.image_builder import ImageBuildEngine

from boatyard.settings import Settings
from boatyard_flyte import sdk
from boatyard_local.settings import load_settings
from tests.flyte import base, index
from tests.flyte.images import BASE, CASES, Place
from tests.flyte.probe import Docker, Inside
from tests.flyte.wheel import make_wheel
from tests.local.servers import bearer

ROOT = Path(__file__).parent.parent.parent
STATE = ROOT / ".boatyard"
PASSWORD = "s3cret-Pa55"
RUNTIME = ("/proc", "/sys", "/dev", "/run", "/.dockerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
"""What a container gets from its runtime."""

Ensure: TypeAlias = Callable[[flyte.Image], str]
MadeBy: TypeAlias = Callable[[str, str], tuple[flyte.Image, str]]

MAKERS = ("builder", "registry")
"""What makes the layers of an image; the setting's values."""
EVERY = "BOATYARD_BOTH_MAKERS" in os.environ
"""`make fuzz-layers` builds and compares every case, which takes most of a minute each."""
OF_BOTH = tuple(CASES) if EVERY else ("packages",)
"""Cases that both make. The others are the default's."""
MADE = tuple((name, maker) for name in CASES for maker in MAKERS if name in OF_BOTH or maker == Settings().layers)
COMPARED = tuple(made for made in MADE if EVERY or made[0] not in ("poetry", "script"))
"""Cases that flyte's own builder builds, too. Poetry's steps are the same commands there, and a script is installed
as a uv project is."""


@pytest.fixture(scope="session")
def found() -> Settings:
    """The settings that the engine found on this machine."""
    config = STATE / "boatyard.toml"
    assert config.is_file(), "no engine: run `python -m boatyard_local.engine ensure`, as `make test` does"
    return load_settings(config, {})


@pytest.fixture(scope="session")
def configuration(found: Settings, docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's settings, but with `base.light` as the base: `from_debian_base` installs build-essential, which is
    200 MB that no test needs, and apt would ask a mirror for its lists in each of four builds."""
    text = (STATE / "boatyard.toml").read_text()
    path = tmp_path_factory.mktemp("configuration") / "boatyard.toml"
    path.write_text(base.replaced(text, BASE, base.light(docker, found, BASE)))
    return path


@pytest.fixture(scope="session")
def settings(configuration: Path) -> Settings:
    return load_settings(configuration, {})


@pytest.fixture(scope="session")
def docker(found: Settings) -> Iterator[Docker]:
    env = dict(os.environ)
    if found.buildkit.docker_host:
        env["DOCKER_HOST"] = found.buildkit.docker_host
    if found.buildkit.docker_config:
        env["DOCKER_CONFIG"] = found.buildkit.docker_config
    made = Docker(command=(found.buildkit.docker,), env=env)
    yield made
    made.forget()


_states: dict[str, Path] = {}
"""State folder of each server, by its URL."""


def variables(url: str) -> dict[str, str]:
    """The variables that a user exports to point the SDK at a server of `serving`."""
    return {"BOATYARD_URL": url, "BOATYARD_TOKEN_FILE": str(_states[url] / "token")}


def get(url: str, path: str) -> Any:
    """The answer of a server of `serving`."""
    return httpx.get(f"{url}{path}", headers=bearer(_states[url])).json()


@contextmanager
def serving(state: Path, configuration: Path, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The URL of a server with its own state folder. The registry and BuildKit are the engine's."""
    command = [sys.executable, "-m", "boatyard_local", "serve", "--state", str(state), "--config", str(configuration)]
    env = {**os.environ, **(settings or {})}
    with (
        (state / "stderr").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=env) as process,
    ):
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        assert url.startswith("http://"), (state / "stderr").read_text()
        _states[url] = state
        yield url
        process.terminate()


@pytest.fixture(scope="session")
def server_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def server(settings: Settings, configuration: Path, server_state: Path) -> Iterator[str]:
    # A repository of this run's own: what an earlier run has pushed must not answer for today's code.
    repository = f"{settings.default_repository}/test-{uuid.uuid4().hex[:8]}"
    with serving(server_state, configuration, {"BOATYARD_DEFAULT_REPOSITORY": repository}) as url:
        yield url


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """by-alpha 1.0 and 2.0rc1 (which needs by-beta), by-beta 0.5 and by-gamma 3.0."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "by-alpha", "1.0", requires=("by-beta",))
    make_wheel(folder, "by-alpha", "2.0rc1", requires=("by-beta",))
    make_wheel(folder, "by-beta", "0.5")
    make_wheel(folder, "by-gamma", "3.0")
    return folder


@pytest.fixture(scope="session")
def packages(wheels: Path) -> Iterator[str]:
    """The URL of an index of those wheels: `/public/simple`, and `/private/simple` with a password."""
    with index.serve(wheels, PASSWORD, hashes=True) as url:
        yield url


@pytest.fixture(autouse=True)
def without_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the flyte.init of other tests and the user's configuration, and puts uv where flyte's code looks for
    it."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setattr("flyte._initialize._init_config", None)
    for name in (
        "FLYTE_IMAGE_REGISTRY",
        "FLYTE_IMAGE_BUILDER",
        "BOATYARD_URL",
        "BOATYARD_TOKEN",
        "BOATYARD_TOKEN_FILE",
    ):
        monkeypatch.delenv(name, raising=False)


def built_by(server: str, image: flyte.Image) -> str:
    """Builds an image through the SDK: flyte.build, the plugin, the server, the job, the registry."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables(server).items():
            patch.setenv(name, value)
        flyte.init(image_builder="boatyard")
        # The SDK remembers what it built, on whatever server.
        ImageBuildEngine.build.cache_clear()
        uri = flyte.build(image).uri
    assert uri is not None
    assert "@sha256:" in uri
    return uri


@pytest.fixture(scope="session")
def ensure(server: str) -> Ensure:
    return lambda image: built_by(server, image)


@pytest.fixture(scope="session")
def other_server(
    settings: Settings, configuration: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The maker of layers that is not the default, and a server that uses it, with a repository of its own."""
    (maker,) = set(MAKERS) - {settings.layers}
    repository = f"{settings.default_repository}/test-{uuid.uuid4().hex[:8]}"
    chosen = {"BOATYARD_DEFAULT_REPOSITORY": repository, "BOATYARD_LAYERS": maker}
    with serving(tmp_path_factory.mktemp("other"), configuration, chosen) as url:
        yield maker, url


@pytest.fixture(scope="session")
def made(
    server: str, other_server: tuple[str, str], packages: str, wheels: Path, tmp_path_factory: pytest.TempPathFactory
) -> MadeBy:
    """Builds a case of `images.CASES` by its name and that of a maker. Returns the image and the reference of what was
    built."""
    images: dict[str, flyte.Image] = {}
    done: dict[tuple[str, str], str] = {}

    def make(name: str, maker: str) -> tuple[flyte.Image, str]:
        if name not in images:
            place = Place(tmp_path_factory.mktemp(name), f"{packages}/public/simple", wheels)
            images[name] = CASES[name].make(place)
        if (name, maker) not in done:
            other, url = other_server
            done[name, maker] = built_by(url if maker == other else server, images[name])
        return images[name], done[name, maker]

    return make


@pytest.fixture(scope="session")
def whole(docker: Docker) -> Callable[[str], Inside]:
    """Everything in an image's file system; each image is read once."""
    return cache(lambda reference: docker.look(reference, roots=("/",), without=RUNTIME, user="root"))


assert sdk.FLYTE.startswith("2.12"), "what the differential tests know is flyte 2.12"
