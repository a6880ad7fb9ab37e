"""The registry is asked for a base with a digest before BuildKit is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard_buildkit.proven import prove_images
from tests.buildkit import jobs
from tests.registry.server import PASSWORD, USER, FakeRegistry, running


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with running(auth="basic") as fake:
        yield fake


@pytest.fixture
def login(registry: FakeRegistry, tmp_path: Path) -> Path:
    return _login(tmp_path / "login", {registry.address: {"username": USER, "password": PASSWORD}})


def _login(folder: Path, auths: dict[str, dict[str, str]]) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": auths}))
    return folder


def _job(registry: FakeRegistry, image: str, **changes: object) -> BuildJob:
    job = jobs.make(base=image, insecure_registries=(registry.address,), **changes)
    assert job.proven_images == (image,)
    return job


def _refused(job: BuildJob, docker_config: Path) -> BoatyardError:
    with pytest.raises(BoatyardError) as refused:
        _prove(job, docker_config)
    return refused.value


def _prove(job: BuildJob, docker_config: Path) -> None:
    prove_images(job, job.proven_images, docker_config)


def test_whoever_may_pull_it_goes_on(registry: FakeRegistry, login: Path) -> None:
    digest = registry.add_image("private/base", "1")
    _prove(_job(registry, f"{registry.address}/private/base@{digest}"), login)


def test_whoever_may_not_is_told_before_buildkit_is_asked(registry: FakeRegistry, tmp_path: Path) -> None:
    image = f"{registry.address}/private/base@{registry.add_image('private/base', '1')}"
    refused = _refused(_job(registry, image), _login(tmp_path / "none", {}))
    assert refused.code == "BASE_IMAGE_DENIED" and image in refused.detail


def test_what_the_registry_no_longer_has_is_not_found(registry: FakeRegistry, login: Path) -> None:
    image = f"{registry.address}/private/base@sha256:{'0' * 64}"
    assert _refused(_job(registry, image), login).code == "BASE_IMAGE_NOT_FOUND"


def test_the_mirror_is_asked_where_one_serves_it(registry: FakeRegistry, login: Path) -> None:
    digest = registry.add_image("mirror/acme/base", "1")
    mirrors = {"quay.example": f"{registry.address}/mirror"}
    _prove(_job(registry, f"quay.example/acme/base@{digest}", registry_mirrors=mirrors), login)
