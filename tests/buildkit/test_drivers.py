"""The drivers' command lines. buildctl is not available on every machine, so its arguments are tested here."""

import csv
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard.settings import Buildkit, Output
from boatyard_buildkit.access import BuilderAccess, read_access
from boatyard_buildkit.drivers import choose
from boatyard_buildkit.drivers.buildctl import Buildctl
from boatyard_buildkit.drivers.buildx import Buildx
from boatyard_buildkit.drivers.driver import image_digest
from boatyard_buildkit.solve import Solve, attributes, cache, registry_output
from tests.buildkit import jobs

SOLVE = Solve(
    dockerfile_folder=Path("/job/dockerfile"),
    context=Path("/job/context"),
    contexts={"uv": "/site/uv", "python:3.12": "docker-image://mirror.example/library/python:3.12"},
    scope="0123456789abcdef",
    hosts={"salt.boatyard.invalid": "127.0.0.1"},
    platforms=("linux/amd64", "linux/arm64"),
    build_args={"SOURCE_DATE_EPOCH": "315532800", "N": "a\nb, c=d --x"},
    labels={"io.boatyard.key": "k"},
    network="host",
    secrets={"boatyard-ca": Path("/site/ca,1.pem")},
    no_cache=True,
    cache_from={"type": "registry", "ref": "cache.example/c:t"},
    cache_to={"type": "registry", "ref": "cache.example/c:t", "mode": "max"},
    provenance="max",
    sbom=True,
    output={"type": "image", "name": "registry.example/image:tag", "push": "true"},
    metadata=Path("/job/metadata.json"),
)


def test_a_job_without_buildkit_says_that_a_step_needs_it() -> None:
    driver = choose(BuilderAccess(absent=True, buildkit=Buildkit(driver="buildx")))
    with pytest.raises(BoatyardError) as refused:
        driver.command(SOLVE)
    assert refused.value.code == "UNSUPPORTED" and "BuildKit" in refused.value.detail
    assert driver.environment() == {} and driver.digest(SOLVE.metadata) is None


def test_buildx() -> None:
    command = Buildx(Buildkit(driver="buildx", docker="/opt/docker", docker_config="/nowhere", builder="b1")).command(
        SOLVE
    )
    start = command.index("build")
    assert command[start:] == [
        "build",
        "--progress=rawjson",
        "--metadata-file=/job/metadata.json",
        "--builder=b1",
        "--file=/job/dockerfile/Dockerfile",
        "--platform=linux/amd64,linux/arm64",
        "--network=host",
        "--allow=network.host",
        "--add-host=salt.boatyard.invalid:127.0.0.1",
        "--build-arg=SOURCE_DATE_EPOCH=315532800",
        "--build-arg=N=a\nb, c=d --x",
        "--label=io.boatyard.key=k",
        "--build-context=uv=/site/uv",
        "--build-context=python:3.12=docker-image://mirror.example/library/python:3.12",
        '--secret=id=boatyard-ca,"src=/site/ca,1.pem"',
        "--no-cache",
        "--cache-from=type=registry,ref=cache.example/c:t",
        "--cache-to=type=registry,ref=cache.example/c:t,mode=max",
        "--provenance=mode=max",
        "--sbom=true",
        "--output=type=image,name=registry.example/image:tag,push=true",
        "--",
        "/job/context",
    ]


def test_buildctl() -> None:
    settings = Buildkit(buildctl="/opt/buildctl", tls_directory="/tls")
    assert Buildctl(settings, "tcp://buildkitd.example:1234").command(SOLVE) == [
        "/opt/buildctl",
        "--addr=tcp://buildkitd.example:1234",
        "--tlscacert=/tls/ca.pem",
        "--tlscert=/tls/cert.pem",
        "--tlskey=/tls/key.pem",
        "build",
        "--progress=rawjson",
        "--metadata-file=/job/metadata.json",
        "--frontend=dockerfile.v0",
        "--local=context=/job/context",
        "--local=dockerfile-0123456789abcdef=/job/dockerfile",
        "--allow=network.host",
        "--local=uv-0123456789abcdef=/site/uv",
        "--opt=dockerfilekey=dockerfile-0123456789abcdef",
        "--opt=filename=Dockerfile",
        "--opt=platform=linux/amd64,linux/arm64",
        "--opt=force-network-mode=host",
        "--opt=add-hosts=salt.boatyard.invalid=127.0.0.1",
        "--opt=build-arg:SOURCE_DATE_EPOCH=315532800",
        "--opt=build-arg:N=a\nb, c=d --x",
        "--opt=label:io.boatyard.key=k",
        "--opt=context:uv=local:uv-0123456789abcdef",
        "--opt=context:python:3.12=docker-image://mirror.example/library/python:3.12",
        "--opt=attest:provenance=mode=max",
        "--opt=attest:sbom=",
        '--secret=id=boatyard-ca,"src=/site/ca,1.pem"',
        "--no-cache",
        "--import-cache=type=registry,ref=cache.example/c:t",
        "--export-cache=type=registry,ref=cache.example/c:t,mode=max",
        "--output=type=image,name=registry.example/image:tag,push=true",
    ]


def test_both_are_told_the_stage() -> None:
    solve = msgspec.structs.replace(SOLVE, target_stage="final")
    assert "--target=final" in Buildx(Buildkit(driver="buildx")).command(solve)
    assert "--opt=target=final" in Buildctl(Buildkit(), "").command(solve)


@pytest.mark.parametrize("driver", [Buildx(Buildkit()), Buildctl(Buildkit(), "")])
def test_what_is_switched_off_leaves_no_flag(driver: Any) -> None:
    plain = msgspec.structs.replace(
        SOLVE, network="default", no_cache=False, cache_from=None, cache_to=None, provenance="off", sbom=False
    )
    words = " ".join(driver.command(plain))
    assert not [
        flag for flag in ("cache", "network.host", "attest", "sbom", "provenance=mode", "--addr") if flag in words
    ]


def test_the_buildx_plugin_is_started_itself_where_it_is_found(tmp_path: Path) -> None:
    plugin = tmp_path / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir()
    plugin.touch()
    assert Buildx(Buildkit(docker_config=str(tmp_path))).command(SOLVE)[:2] == [str(plugin), "build"]


def test_attributes_survive_the_csv_of_buildkit() -> None:
    values = {"type": "image", "dest": '/a,b/"c"'}
    row = next(csv.reader([attributes(values)]))
    assert dict(field.split("=", 1) for field in row) == values


def test_the_driver_follows_the_settings() -> None:
    assert isinstance(choose(BuilderAccess(buildkit=Buildkit(driver="buildx"))), Buildx)
    assert isinstance(choose(BuilderAccess()), Buildctl)


def test_the_engines_own_buildkit_pushes_once_and_unpacks_nothing() -> None:
    output = Buildx(Buildkit()).command(SOLVE)[-3]
    assert output == "--output=type=image,name=registry.example/image:tag,push=,store=false"


class TestSettingsFile:
    def test_the_deployments_own_file_is_enough(self, tmp_path: Path) -> None:
        path = tmp_path / "boatyard.toml"
        path.write_text('buildkitUri = "tcp://x"\ndefaultRepository = "r"\n[buildkit]\ndriver = "buildx"\n[uv]\n')
        assert read_access(path) == BuilderAccess(buildkit_uri="tcp://x", buildkit=Buildkit(driver="buildx"))

    def test_json_is_taken_too(self, tmp_path: Path) -> None:
        path = tmp_path / "access.json"
        path.write_text('{"buildkit": {"driver": "buildx"}}')
        assert read_access(path).buildkit.driver == "buildx"

    def test_it_is_found_by_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "boatyard.toml"
        path.write_text('buildkitUri = "tcp://x"\n')
        monkeypatch.setenv("BOATYARD_SETTINGS", str(path))
        assert read_access(None).buildkit_uri == "tcp://x"


class TestOutputs:
    def test_compression_and_plain_http_are_told_to_the_exporter(self) -> None:
        job = jobs.make(registry="127.0.0.1:5000/acme")
        output = registry_output(job)
        assert output == {
            "type": "image",
            "name": job.target,
            "push": "true",
            "compression": "zstd",
            "oci-mediatypes": "true",
            "compression-level": "3",
            "registry.insecure": "true",
        }

    def test_a_reproducible_image_has_its_times_clamped(self) -> None:
        output = registry_output(jobs.make(output=Output(reproducible=True)))
        assert output["rewrite-timestamp"] == "true"

    def test_each_scope_and_image_name_has_a_cache_of_its_own(self) -> None:
        source, target = cache(jobs.make(cache_repository="cache.example/c"))
        assert source == {"type": "registry", "ref": "cache.example/c:project.domain.image"}
        assert target and target["mode"] == "max" and target["ignore-error"] == "true"
        other, _ = cache(jobs.make(cache_repository="cache.example/c", project="project.domain"[:7], domain="other"))
        assert other and other["ref"] != source["ref"]

    def test_a_cache_tag_is_never_too_long(self) -> None:
        job = jobs.make(cache_repository="cache.example/c", project="p" * 63, domain="d" * 63)
        source, _ = cache(job)
        assert source and len(source["ref"].rpartition(":")[2]) == 64

    def test_no_cache_repository_no_cache(self) -> None:
        assert cache(jobs.make()) == (None, None)


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", '{"containerimage.digest": 5}'])
def test_metadata_without_a_digest(text: str, tmp_path: Path) -> None:
    (tmp_path / "m").write_text(text)
    assert image_digest(tmp_path / "m") is None
    assert image_digest(tmp_path / "absent") is None
