"""A failed build reports the SDK's call, the reason and advice. Every build here is real."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.build import State
from boatyard.errors import CODES
from boatyard_client.errors import BuildFailedError
from tests.registry.server import running
from tests.whole.yard import BASE, Yard, unique, yard

pytestmark = pytest.mark.integration


def pip(*packages: str, **options: Any) -> dict[str, Any]:
    return {"pipPackages": {"packages": list(packages), "options": options}}


def commands(*lines: str) -> dict[str, Any]:
    return {"commands": {"cmd": list(lines)}}


PYPROJECT = b"""[project]
name = "stale"
version = "1"
requires-python = ">=3.11"
dependencies = ["six==1.17.0"]
"""
LOCK_WITHOUT_SIX = b"""version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "stale"
version = "1"
source = { virtual = "." }
"""
POETRY = b"""[project]
name = "stale"
version = "1"
requires-python = ">=3.11"
dependencies = ["six==1.17.0"]

[tool.poetry]
package-mode = false
"""
POETRY_LOCK = b"""package = []

[metadata]
lock-version = "2.1"
python-versions = ">=3.11"
content-hash = "0000000000000000000000000000000000000000000000000000000000000000"
"""
UV_LAYER = {"pyproject": "0/p", "uvlock": "0/p/uv.lock", "options": {"extraArgs": "--no-install-project"}}

CASES = {
    "no such package": ("PACKAGE_NOT_FOUND", pip("boatyard-has-no-such-package"), {}, "boatyard-has-no-such-package"),
    "no such version": ("PACKAGE_NOT_FOUND", pip("six==99.0"), {}, "six"),
    "conflict": ("PIP_RESOLUTION_CONFLICT", pip("requests==2.32.3", "urllib3==1.10"), {}, "urllib3"),
    "apt": ("APT_PACKAGE_NOT_FOUND", {"aptPackages": {"packages": ["no-such-apt-package"]}}, {}, "no-such-apt-package"),
    "command": ("COMMAND_FAILED", commands("echo about to fail; echo No solution found; exit 3"), {}, "about to fail"),
    "killed": ("OUT_OF_MEMORY", commands("exit 137"), {}, ""),
    "stale uv.lock": (
        "LOCK_OUTDATED",
        {"uvProject": UV_LAYER},
        {"0/p/pyproject.toml": PYPROJECT, "0/p/uv.lock": LOCK_WITHOUT_SIX},
        "uv.lock",
    ),
    "stale poetry.lock": (
        "LOCK_OUTDATED",
        {"poetryProject": {"pyproject": "0/pyproject.toml", "poetryLock": "0/poetry.lock", "extraArgs": "--no-root"}},
        {"0/pyproject.toml": POETRY, "0/poetry.lock": POETRY_LOCK},
        "poetry.lock",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_failing_layer_explains_itself(boatyard: Yard, name: str) -> None:
    code, layer, files, word = CASES[name]
    build = boatyard.failure(unique(), layer, files=files)
    error = build.error
    assert error is not None
    assert (build.state, error.code) == (State.FAILED, code)
    assert error.layer_index == 1
    assert error.layer_kind == next(iter(layer))
    assert error.sdk_call and error.sdk_call.startswith("with_")
    assert error.message and "\n" not in error.message
    assert error.advice
    assert word in " ".join((error.message, error.sdk_call, *error.log_tail))
    assert len(error.log_tail) <= 40
    assert not error.retryable


def test_a_base_image_that_is_not_there(boatyard: Yard) -> None:
    host = boatyard.settings.insecure_registries[0]
    missing = f"{host}/no/such:image"
    build = boatyard.failure(unique(), base={**BASE, "baseImage": missing})
    assert build.error is not None
    assert (build.state, build.error.code) == (State.FAILED, "BASE_IMAGE_NOT_FOUND")
    assert "no/such:image" in build.error.message


def test_a_dockerfile_that_cannot_be_read(boatyard: Yard) -> None:
    with pytest.raises(BuildFailedError) as failed:
        boatyard.ensure({"dockerfile": "FROM scratch\nFLY away\n"})
    error = failed.value.build.error
    assert error is not None and error.code == "INVALID_DOCKERFILE"
    assert "FLY" in " ".join((error.message, *error.log_tail))


def test_a_file_that_is_not_in_the_context(boatyard: Yard) -> None:
    with pytest.raises(BuildFailedError) as failed:
        boatyard.ensure({"dockerfile": "FROM scratch\nCOPY gone /\n"}, files={"here": b"x"})
    error = failed.value.build.error
    assert error is not None and error.code == "FILE_NOT_FOUND"
    assert "gone" in error.message


def test_a_registry_that_takes_no_pushes(boatyard: Yard, tmp_path: Path) -> None:
    with running() as registry:
        registry.read_only = True
        insecure = ",".join((*boatyard.settings.insecure_registries, registry.address))
        with yard(tmp_path / "state", INSECURE_REGISTRIES=insecure) as other:
            build = other.failure(unique(), target={"registry": f"{registry.address}/mine"})
        assert build.error is not None
        assert (build.state, build.error.code) == (State.FAILED, "PUSH_DENIED"), build.error
        assert registry.address in build.error.message


def test_a_disk_quota_that_is_too_small(tmp_path: Path) -> None:
    # The second build needs room for uv's own layer (17 MB) if it is the first one that the registry sees.
    with yard(tmp_path / "state", LIMITS__DISK_BYTES="60000000") as small:
        layer = {"copyConfig": {"src": "0/big", "dst": "."}}
        build = small.failure(unique(), layer, files={"0/big": bytes(80_000_000)})
        assert build.error is not None
        assert (build.error.code, build.error.retryable) == ("DISK_FULL", True)
        assert small.build(unique(), layer, files={"0/big": b"fits"})


def test_a_build_that_takes_too_long(tmp_path: Path) -> None:
    with yard(tmp_path / "state", LIMITS__BUILD_TIMEOUT_SECONDS="8") as hasty:
        build = hasty.failure(unique(), commands("echo waiting; sleep 60"))
    assert build.error is not None
    assert (build.state, build.error.code) == (State.TIMED_OUT, "TIMED_OUT")
    assert "8" in build.error.message
    assert any("waiting" in line for line in build.error.log_tail)


def test_files_that_are_not_what_was_announced(boatyard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    from boatyard_client.packing import packer

    true = packer.Packer.read

    def lie(self: packer.Packer, *arguments: Any) -> Any:
        contents = true(self, *arguments)
        contents.context = msgspec.structs.replace(contents.context, trees={"0/a": "0" * 64})
        return contents

    monkeypatch.setattr(packer.Packer, "read", lie)
    build = boatyard.failure(unique(), {"copyConfig": {"src": "0/a", "dst": "."}}, files={"0/a": b"x"})
    assert build.error is not None
    assert build.error.code == "CONTEXT_INVALID"


def test_every_code_is_one_of_the_table(boatyard: Yard) -> None:
    seen = {build.error.code for build in boatyard.client.builds(page_size=500).builds if build.error}
    assert seen
    assert seen <= CODES.keys()
