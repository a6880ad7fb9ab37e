"""A real failing build for each kind of failure that one machine can produce."""

import secrets as random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.build import State
from boatyard.job import BuildJob, JobResult
from boatyard_registry import DockerConfigKeychain, OciRegistry
from tests.buildkit import jobs
from tests.buildkit.archives import close, raw
from tests.buildkit.engine import Engine, log_of
from tests.ports import free_port
from tests.registry.distribution import PASSWORD, USER, Distribution
from tests.registry.server import FakeRegistry, Fault, running

pytestmark = pytest.mark.integration


def pip(*packages: str) -> list[dict[str, Any]]:
    return [{"pipPackages": {"packages": list(packages)}}]


def commands(*scripts: str) -> list[dict[str, Any]]:
    return [{"commands": {"cmd": list(scripts)}}]


def unknown() -> list[dict[str, Any]]:
    """A layer that the registry cannot have."""
    return commands(f"echo {random.token_hex(8)}")


PYPROJECT = b'[project]\nname = "demo"\nversion = "0.1"\nrequires-python = ">=3.11"\ndependencies = ["six", "tomli"]\n'
STALE_LOCK = b"""\
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "demo"
version = "0.1"
source = { virtual = "." }
"""
UV_PROJECT = {
    "uvProject": {
        "pyproject": "app",
        "uvlock": "app/uv.lock",
        "options": {"extraArgs": "--locked --no-install-project"},
    }
}


@pytest.mark.parametrize(
    ("layers", "code", "named"),
    [
        (pip("boatyard-no-such-package-xyz"), "PACKAGE_NOT_FOUND", "boatyard-no-such-package-xyz"),
        (pip("six==99"), "PACKAGE_NOT_FOUND", "six==99"),
        (pip("requests==2.31.0", "urllib3>=3"), "PIP_RESOLUTION_CONFLICT", "requests==2.31.0 depends on urllib3"),
        (
            [{"aptPackages": {"packages": ["boatyard-no-such-package"]}}],
            "APT_PACKAGE_NOT_FOUND",
            "boatyard-no-such-package",
        ),
        (commands("true", "echo 'E: Unable to locate package x'; exit 3"), "COMMAND_FAILED", "exit code 3"),
        (commands("sh -c 'kill -9 $$'; exit $?"), "OUT_OF_MEMORY", "137"),
        (commands("dd if=/dev/zero of=/dev/full bs=1 count=1"), "COMMAND_FAILED", "exit code 1"),
        (
            [{"pipPackages": {"packages": ["six"], "options": {"indexUrl": "http://127.0.0.1:1/simple"}}}],
            "NETWORK_UNREACHABLE",
            "127.0.0.1:1",
        ),
    ],
)
def test_a_layer_that_fails(
    engine: Engine, tmp_path: Path, layers: list[dict[str, Any]], code: str, named: str
) -> None:
    result = engine.build(engine.job([{"env": {"envVariables": {"A": "1"}}}, *layers]), tmp_path)
    error = explained(result, code)
    assert named in error.message
    assert (error.layer_index, error.layer_kind) == (1, next(iter(layers[0])))
    assert error.sdk_call and error.log_tail


def test_a_stale_lock(engine: Engine, tmp_path: Path) -> None:
    files = {"app/pyproject.toml": PYPROJECT, "app/uv.lock": STALE_LOCK}
    job = engine.job([UV_PROJECT], files=files, folder=tmp_path)
    explained(engine.build(job, tmp_path / "out"), "LOCK_OUTDATED")


def test_a_base_image_that_is_not_there(engine: Engine, tmp_path: Path) -> None:
    base = f"{engine.host}/no/such:{random.token_hex(4)}"
    assert base in explained(engine.build(engine.job([], base=base), tmp_path), "BASE_IMAGE_NOT_FOUND").message


def test_a_registry_that_is_down(engine: Engine, tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    result = engine.build(engine.job(commands("true"), registry=f"{nowhere}/acme"), tmp_path)
    assert nowhere in explained(result, "REGISTRY_UNAVAILABLE").message
    assert result.state is State.ERRORED


def test_a_file_that_is_not_in_the_context(engine: Engine, tmp_path: Path) -> None:
    job = engine.job([{"copyConfig": {"src": "nope", "dst": "/x"}}], files={"other": b""}, folder=tmp_path)
    assert "nope" in explained(engine.build(job, tmp_path / "out"), "FILE_NOT_FOUND").message


def test_a_dockerfile_with_a_mistake(engine: Engine, tmp_path: Path) -> None:
    job = engine.job(dockerfile=f"FROM {engine.base}\nRUNN true\n")
    assert "line 2" in explained(engine.build(job, tmp_path), "INVALID_DOCKERFILE").message


def test_a_quota_that_is_too_small(engine: Engine, tmp_path: Path) -> None:
    layers = [{"copyConfig": {"src": "big", "dst": "/x"}}]
    job = engine.job(layers, files={"big": bytes(200_000)}, folder=tmp_path, disk_bytes=100_000)
    explained(engine.build(job, tmp_path / "out"), "DISK_FULL")
    again = msgspec.structs.replace(job, disk_bytes=0)
    assert engine.build(again, tmp_path / "out").state is State.SUCCEEDED


def test_a_build_that_takes_too_long(engine: Engine, tmp_path: Path) -> None:
    job = engine.job(commands("echo begun; sleep 300"), timeout_seconds=8)
    error = explained(engine.build(job, tmp_path), "TIMED_OUT")
    assert "with_commands" in error.message
    assert error.log_tail == ("begun",)


def test_a_hostile_archive_never_reaches_buildkit(engine: Engine, tmp_path: Path) -> None:
    job = engine.job([{"copyConfig": {"src": "x", "dst": "/x"}}], files={"x": b""}, folder=tmp_path)
    assert job.context
    archive = close(raw("x"), raw("l", b"2", link="/etc"), raw("l/passwd"))
    (tmp_path / "context.tar.gz").write_bytes(archive)
    context = msgspec.structs.replace(job.context, context=jobs.announce(archive))
    result = engine.build(msgspec.structs.replace(job, context=context), tmp_path / "out")
    assert "'l'" in explained(result, "CONTEXT_INVALID").message
    assert "[1/" not in log_of(tmp_path / "out")


def with_buildkit(engine: Engine, tmp_path: Path, **changes: Any) -> Engine:
    """Reaches the same engine in another way."""
    changed = Engine(engine.path)
    changed.path = tmp_path / "settings.json"
    buildkit = msgspec.structs.replace(engine.settings.buildkit, **changes)
    changed.path.write_bytes(msgspec.json.encode({"buildkit": buildkit}))
    return changed


def test_an_engine_that_is_not_there(engine: Engine, tmp_path: Path) -> None:
    lost = with_buildkit(engine, tmp_path, docker_host="unix:///nowhere/docker.sock")
    result = lost.build(engine.job(unknown()), tmp_path / "out")
    explained(result, "DATAPLANE_UNAVAILABLE")
    assert result.state is State.ERRORED


def test_a_buildctl_that_is_not_there(engine: Engine, tmp_path: Path) -> None:
    without = with_buildkit(engine, tmp_path, driver="buildctl", buildctl="/nowhere/buildctl")
    assert (
        "buildctl" in explained(without.build(engine.job(unknown()), tmp_path / "out"), "DATAPLANE_UNAVAILABLE").message
    )


class TestGuardedRegistry:
    @pytest.fixture
    def guarded(self, tmp_path: Path) -> Iterator[str]:
        folder = tmp_path / "guarded"
        folder.mkdir()
        registry = Distribution(folder, guarded=True)
        yield registry.address
        registry.stop()

    def job(self, engine: Engine, guarded: str, **options: Any) -> BuildJob:
        insecure = (*engine.settings.insecure_registries, guarded)
        return engine.job(commands("true"), registry=f"{guarded}/acme", insecure_registries=insecure, **options)

    def test_a_push_without_credentials(self, engine: Engine, guarded: str, tmp_path: Path) -> None:
        result = engine.build(self.job(engine, guarded), tmp_path / "out")
        assert f"{guarded}/acme" in explained(result, "PUSH_DENIED").message

    @pytest.mark.parametrize("reproducible", [False, True])
    def test_a_push_with_a_registry_secret(
        self, engine: Engine, guarded: str, tmp_path: Path, reproducible: bool
    ) -> None:
        folder = tmp_path / "secrets"
        folder.mkdir()
        (folder / "login").write_text(
            msgspec.json.encode({"auths": {guarded: {"username": USER, "password": PASSWORD}}}).decode()
        )
        (folder / "login").chmod(0o600)
        output = msgspec.structs.replace(engine.settings.output, reproducible=reproducible)
        job = self.job(engine, guarded, registry_secrets=("login",), output=output)
        result = engine.build(job, tmp_path / "out", secrets=folder)
        assert result.state is State.SUCCEEDED, result.error
        keychain = DockerConfigKeychain.parse((folder / "login").read_bytes(), source="login")
        registry = OciRegistry(keychain=keychain, insecure=[guarded])
        assert registry.digest(jobs.Reference.parse(job.target)) == result.digest
        assert PASSWORD not in log_of(tmp_path / "out")

    def test_a_base_image_behind_a_password(self, engine: Engine, guarded: str, tmp_path: Path) -> None:
        result = engine.build(engine.job([], base=f"{guarded}/base:1"), tmp_path / "out")
        assert guarded in explained(result, "BASE_IMAGE_DENIED").message


class TestImmutableTags:
    """A tag that another build pushed after the function's check."""

    @pytest.fixture
    def fake(self) -> Iterator[FakeRegistry]:
        with running() as fake:
            fake.immutable = True
            yield fake

    def job(self, engine: Engine, fake: FakeRegistry, **changes: Any) -> BuildJob:
        """Makes a job whose image differs from that of every other such job."""
        insecure = (*engine.settings.insecure_registries, fake.address)
        script = commands("head -c 16 /dev/urandom > /srv/random")
        return engine.job(script, registry=f"{fake.address}/acme", insecure_registries=insecure, **changes)

    def test_the_image_of_another_build_of_the_same_key_is_the_result(
        self, engine: Engine, fake: FakeRegistry, tmp_path: Path
    ) -> None:
        job = self.job(engine, fake)
        one = engine.build(job, tmp_path / "one")
        assert one.state is State.SUCCEEDED, one.error
        other = self.made_again(job)
        two = engine.build(other, tmp_path / "two")
        assert (two.state, two.digest, two.layer_digests) == (State.SUCCEEDED, one.digest, one.layer_digests), two.error
        assert "another build has pushed" in log_of(tmp_path / "two")

    def test_a_forced_build_does_not_take_it_for_its_own(
        self, engine: Engine, fake: FakeRegistry, tmp_path: Path
    ) -> None:
        job = self.job(engine, fake, force=True)
        self.occupy(fake, job, job.key)
        result = engine.build(job, tmp_path / "out")
        failure = explained(result, "TAG_IMMUTABLE")
        assert job.target in failure.message and "delete it in the registry" in failure.advice
        assert result.state is State.FAILED

    def test_an_image_of_another_key_or_platform_is_nobodys_result(
        self, engine: Engine, fake: FakeRegistry, tmp_path: Path
    ) -> None:
        job = self.job(engine, fake)
        self.occupy(fake, job, "f" * 64)
        explained(engine.build(job, tmp_path / "key"), "TAG_IMMUTABLE")
        self.occupy(fake, job, job.key, platform="linux/s390x")
        explained(engine.build(job, tmp_path / "platform"), "TAG_IMMUTABLE")

    def test_a_manifest_that_is_refused_for_another_reason(
        self, engine: Engine, fake: FakeRegistry, tmp_path: Path
    ) -> None:
        fake.faults = [Fault(status=400, method="PUT", path="/manifests/", times=10**6)]
        failure = explained(engine.build(self.job(engine, fake), tmp_path / "out"), "PUSH_DENIED")
        assert "refuses the manifest" in failure.message

    @staticmethod
    def made_again(job: BuildJob) -> BuildJob:
        """The job as it is for a build that ran beside the first one, and found none of its layers."""
        steps = job.steps
        assert steps
        layers = tuple(msgspec.structs.replace(step, prefix=random.token_hex(32)) for step in steps.layers)
        steps = msgspec.structs.replace(steps, opening=random.token_hex(32), layers=layers)
        return msgspec.structs.replace(job, steps=steps, dockerfile=job.dockerfile.replace("/srv/random", "/srv/other"))

    def occupy(self, fake: FakeRegistry, job: BuildJob, key: str, platform: str = "linux/amd64") -> None:
        target = jobs.Reference.parse(job.target)
        assert target.tag
        fake.add_image(target.repository.path, target.tag, labels={"io.boatyard.key": key}, platform=platform)


def explained(result: JobResult, code: str) -> Any:
    assert result.error is not None
    assert result.error.code == code, result.error
    assert result.digest is None
    assert result.error.advice
    return result.error
