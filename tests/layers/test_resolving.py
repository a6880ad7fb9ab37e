"""The lock that a build would record is found without a build, and nothing is written."""

import platform
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.job import BuildJob
from boatyard.settings import Network
from boatyard.spec import PipPackages
from boatyard_layers.builder_cache import BuilderCache
from boatyard_layers.building import Building, Segment
from boatyard_layers.errors import NotExact
from boatyard_layers.image import make_image
from boatyard_layers.makers import Makers
from boatyard_layers.model import Facts
from boatyard_layers.resolving import Resolution, resolve_image
from boatyard_layers.wheels import WheelsResult, WheelsStep
from boatyard_registry.client import RegistryClient
from tests.buildkit import jobs
from tests.flyte import index
from tests.layers.own_interpreter import own_interpreter
from tests.layers.test_base import push
from tests.layers.test_platforms import Told
from tests.layers.wheels.conftest import UV
from tests.layers.wheels.tiny import sdist, wheel
from tests.registry.server import FakeRegistry

MINOR = ".".join(platform.python_version_tuple()[:2])
SITE = f"opt/venv/lib/python{MINOR}/site-packages"
BASE = {
    "opt/venv/pyvenv.cfg": b"home = /usr/bin\n",
    "opt/venv/bin/python": b"program",
    f"{SITE}/_virtualenv.py": b"",
    f"{SITE}/beta-0.5.dist-info/METADATA": b"Metadata-Version: 2.1\nName: beta\nVersion: 0.5\n",
    f"{SITE}/beta-0.5.dist-info/RECORD": b"beta-0.5.dist-info/METADATA,,\nbeta-0.5.dist-info/RECORD,,\n",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("index")
    wheel(folder, "alpha", "1.0", requires=("beta>=1",))
    wheel(folder, "beta", "1.1")
    wheel(folder, "gamma", "1.0", requires=("alpha",))
    sdist(folder, "source", "1.0")
    with index.serve(folder, "", hashes=True) as url:
        yield f"{url}/public/simple"


def pip(*packages: str, **options: Any) -> dict[str, Any]:
    return {"pipPackages": {"packages": list(packages), **options}}


class Yard:
    def __init__(self, fake: FakeRegistry, client: RegistryClient, folder: Path, address: str) -> None:
        self.fake, self.client, self.folder, self.address = fake, client, folder, address
        shutil.copy(UV, folder / "uv-amd64")

    def resolve(self, *layers: dict[str, Any]) -> Resolution:
        return resolve_image(self.job(*layers), self.building())

    def job(self, *layers: dict[str, Any], **options: Any) -> BuildJob:
        settings = msgspec.structs.replace(
            jobs.SETTINGS,
            layers="registry",
            default_repository=f"{self.fake.address}/acme/images",
            insecure_registries=(self.fake.address,),
            uv=msgspec.structs.replace(jobs.SETTINGS.uv, directory=str(self.folder)),
            network=Network(index_url=self.address),
        )
        base = f"{self.fake.address}/acme/base:v1"
        return jobs.make(list(layers), settings=settings, base=base, **options)

    def building(self, run: Callable[[Segment], str] | None = None) -> Building:
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        return Building(
            context=self.folder,
            work=work,
            cache=BuilderCache(self.folder / "cache"),
            client=self.client,
            report=Told(),
            run_segment=run,
            secret=_refuse,
        )


def _refuse(name: str) -> str:
    raise NotExact(f"it needs the secret {name}")


@pytest.fixture
def yard(
    fake: FakeRegistry, client: RegistryClient, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> Yard:
    interpreter = own_interpreter()
    monkeypatch.setattr(Makers, "_interpreter_for", lambda self, made: interpreter)
    return Yard(fake, client, tmp_path, address)


def test_layers_are_resolved_on_top_of_each_other_and_nothing_is_written(yard: Yard) -> None:
    push(yard.fake, BASE)
    before = dict(yard.fake.manifests), dict(yard.fake.blobs)
    found = yard.resolve(
        pip("alpha"),
        {"aptPackages": {"packages": ["curl"]}},
        pip("source"),
        pip("beta", secretMounts=[{"key": "token", "envVar": "TOKEN"}]),
        pip("gamma"),
    )
    assert found.lock and found.lock.python == MINOR
    (on,) = found.lock.platforms
    assert [[(each.name, each.version) for each in layer.packages] for layer in on.layers] == [
        [("alpha", "1.0"), ("beta", "1.1")],
        [("gamma", "1.0")],
    ]
    assert [layer.layer for layer in on.layers] == [0, 4]
    assert all(each.wheels for layer in on.layers for each in layer.packages)
    assert [(each.layer, each.reason) for each in found.unresolved] == [
        (1, "it runs a command"),
        (2, "a distribution has to be built from source"),
        (3, "it needs the secret token"),
    ]
    assert (yard.fake.manifests, yard.fake.blobs) == before


def test_a_base_that_only_a_build_can_complete_leaves_all_layers_open(yard: Yard) -> None:
    push(yard.fake, {"etc/passwd": b""})
    found = yard.resolve(pip("alpha"))
    assert found.lock is None
    assert [each.layer for each in found.unresolved] == [-1]
    assert "has no /opt/venv/bin/python" in found.unresolved[0].reason


class _Reached(Exception):
    """BuildKit is asked to run something."""


def test_poetry_itself_is_made_from_wheels_and_buildkit_runs_it(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    push(yard.fake, BASE)
    job = yard.job(
        {"poetryProject": {"pyproject": "p/pyproject.toml", "poetryLock": "p/poetry.lock"}}, context_needed=True
    )
    made: list[object] = []

    def installed(step: WheelsStep, facts: Facts, *rest: object) -> WheelsResult:
        made.append(step.layer)
        return WheelsResult(layers=(), facts=facts, packages=(), removed=())

    def run(segment: Segment) -> str:
        text = "\n".join(job.dockerfile.split("\n")[segment.first_line - 1 : segment.last_line])
        assert "uv pip install poetry" in text and "poetry install" in text
        raise _Reached

    monkeypatch.setattr("boatyard_layers.wheels.make.make_wheels", installed)
    with pytest.raises(_Reached):
        make_image(job, yard.building(run))
    assert made == [PipPackages(packages=("poetry",))]
    with pytest.raises(NotExact, match="no BuildKit here"):
        make_image(job, yard.building())
    assert len(made) == 1
