"""`boatyard lock`, and `boatyard diff` of locks."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from boatyard.lock import Lock, encode
from boatyard.reference import Reference
from boatyard.toml import loads
from boatyard_registry.client import RegistryClient
from boatyard_registry.locks import record_lock
from tests.client.commands import boatyard
from tests.client.service import MemoryService
from tests.core.locks import layer, lock, package
from tests.registry.server import FakeRegistry, Fault, running

OLD = lock(layer(0, package("requests", "2.31.0"), package("idna", "3.7")))
NEW = lock(layer(0, package("requests", "2.32.3"), package("idna", "3.7"), package("rich", "14.0")))
SPEC = {
    "baseImage": "python:3.12-slim",
    "pythonVersion": "3.12",
    "layers": [{"pipPackages": {"packages": ["requests"]}}],
}


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with running() as made:
        yield made


def image(registry: FakeRegistry, tag: str, made: Lock | None, repository: str = "acme/image") -> str:
    """Adds an image with its lock, if any. Returns its reference."""
    digest = registry.add_image(repository, tag, layer=tag.encode())
    if made:
        client = RegistryClient(insecure=[registry.address])
        record_lock(client, Reference.parse(f"{registry.address}/{repository}@{digest}"), made)
        client.close()
    return f"{registry.address}/{repository}:{tag}"


def test_the_lock_of_an_image_is_a_pylock_for_other_tools(registry: FakeRegistry) -> None:
    name = image(registry, "one", NEW)
    done = boatyard("lock", name)
    assert done.code == 0 and f"{name.partition(':one')[0]}@sha256:" in done.err
    packages = Pylock.from_dict(loads(done.out)).packages
    assert [(each.name, str(each.version)) for each in packages] == [
        ("idna", "3.7"),
        ("requests", "2.32.3"),
        ("rich", "14.0"),
    ]
    answer = boatyard("lock", name, "--json").json()
    assert answer["image"].startswith(f"{registry.address}/acme/image@sha256:")
    assert answer["lock"] == json.loads(encode(NEW))


def test_packages_that_no_other_tool_can_install_are_named(registry: FakeRegistry) -> None:
    name = image(registry, "one", lock(layer(0, package("own", "1", wheels=False), package("idna", "3.7"))))
    assert "no wheel of them is known: own" in boatyard("lock", name).err


def test_a_files_image_is_the_one_that_a_build_pushes(registry: FakeRegistry, folder: Path) -> None:
    (folder / "spec.json").write_text(json.dumps(SPEC))
    (folder / "boatyard.toml").write_text(f'defaultRepository = "{registry.address}/acme"\n')
    plan = boatyard("plan", "spec.json", "--json").json()
    repository, _, tag = plan["target"].removeprefix(f"{registry.address}/").partition(":")
    absent = boatyard("lock", "spec.json")
    assert absent.code == 1 and plan["target"] in absent.err and "boatyard build spec.json" in absent.err
    image(registry, tag, OLD, repository)
    assert boatyard("lock", "spec.json", "--json").json()["lock"] == json.loads(encode(OLD))


def test_the_service_says_which_image_a_file_has(
    registry: FakeRegistry, folder: Path, service: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "spec.json").write_text(json.dumps(SPEC))
    arguments = ("spec.json", "--registry", f"{registry.address}/acme", "--name", "mine", "--url", service.url)
    target = boatyard("plan", *arguments, "--json").json()["target"]
    image(registry, target.rpartition(":")[2], OLD, "acme/mine")
    assert boatyard("lock", *arguments, "--json").json()["lock"] == json.loads(encode(OLD))


def test_what_has_no_lock_is_an_error_that_says_why(registry: FakeRegistry, folder: Path) -> None:
    (folder / "spec.json").write_text(json.dumps(SPEC))
    plain = image(registry, "plain", None)
    for name, reason in (
        (plain, "no lock is recorded with"),
        (plain.replace("plain", "absent"), "there is no image"),
        ("spec.json", "no repository is configured"),
        ("nowhere.json", "no file nowhere.json"),
        ("nowhere", "no file nowhere"),
    ):
        done = boatyard("lock", name)
        assert done.code == 1 and reason in done.err and done.err.count("\n") == 1 and not done.out
        assert boatyard("lock", name, "--json").json()["error"]["detail"]


def test_a_registry_without_an_answer_is_an_error(registry: FakeRegistry) -> None:
    name = image(registry, "one", NEW)
    registry.faults = [Fault(status=403, path="/blobs/", times=100)]
    done = boatyard("lock", name)
    assert done.code == 1 and "REGISTRY_DENIED" in done.err


def test_diff_of_two_images_names_the_changed_versions(registry: FakeRegistry) -> None:
    old, new = image(registry, "old", OLD), image(registry, "new", NEW)
    done = boatyard("diff", old, new)
    assert done.code == 1 and done.out.splitlines()[1:] == ["  requests 2.31.0 → 2.32.3", "  rich 14.0 is new"]
    answer = boatyard("diff", old, new, "--json").json()
    assert not answer["same"] and answer["versions"] == [
        {"name": "requests", "before": "2.31.0", "after": "2.32.3"},
        {"name": "rich", "after": "14.0"},
    ]
    same = boatyard("diff", old, image(registry, "again", OLD))
    assert same.code == 0 and same.out == "same versions\n"


def test_diff_says_that_python_and_platforms_differ(registry: FakeRegistry) -> None:
    both = Lock(python="3.13", platforms=lock(platforms=("linux/amd64", "linux/arm64")).platforms)
    done = boatyard("diff", image(registry, "old", lock()), image(registry, "new", both))
    assert done.code == 1 and "python: 3.12 → 3.13" in done.out
    assert "platforms: linux/amd64 → linux/amd64, linux/arm64" in done.out


def test_a_printed_lock_is_compared_with_an_image(registry: FakeRegistry, folder: Path) -> None:
    old, new = image(registry, "old", OLD), image(registry, "new", NEW)
    (folder / "pylock.toml").write_text(boatyard("lock", old).out)
    assert boatyard("diff", "pylock.toml", old).code == 0
    assert "rich 14.0 was removed" in boatyard("diff", new, "pylock.toml").out
    (folder / "pylock.toml").write_text(boatyard("lock", old).out.replace("2.31.0", "2.31.1", 1))
    changed = boatyard("diff", "pylock.toml", old)
    assert changed.code == 2 and "changed by hand" in changed.err
    assert boatyard("diff", old, new.replace("new", "absent")).code == 2


def test_a_plan_shows_the_recorded_lock_and_else_what_only_a_build_can_tell(
    registry: FakeRegistry, folder: Path
) -> None:
    registry.add_image("acme/base", "one")
    base = f"{registry.address}/acme/base:one"
    (folder / "spec.json").write_text(json.dumps({**SPEC, "baseImage": base}))
    (folder / "boatyard.toml").write_text(f'defaultRepository = "{registry.address}/acme"\n')
    plan = boatyard("plan", "spec.json", "--resolve", "--json").json()
    assert plan["lock"] is None and plan["lockOf"] == "" and [each["layer"] for each in plan["unresolved"]] == [-1]
    text = boatyard("plan", "spec.json", "--resolve").out
    assert "lock        resolved now" in text and "only a build can tell what the base image installs" in text
    repository, _, tag = plan["target"].removeprefix(f"{registry.address}/").partition(":")
    image(registry, tag, OLD, repository)
    plan = boatyard("plan", "spec.json", "--resolve", "--json").json()
    assert plan["lock"] == json.loads(encode(OLD)) and plan["unresolved"] == []
    assert plan["lockOf"].startswith(f"{registry.address}/{repository}@sha256:")
    text = boatyard("plan", "spec.json", "--resolve").out
    assert "lock        recorded with" in text and "   0  requests 2.31.0\n" in text
    assert "lock" not in boatyard("plan", "spec.json", "--json").json()


def test_a_dockerfile_has_no_lock_before_it_is_built(folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\n")
    refused = boatyard("plan", "Dockerfile", "--resolve")
    assert refused.code == 1 and "--resolve is for layers of packages" in refused.err
