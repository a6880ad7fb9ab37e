"""Successful jobs on the real BuildKit."""

import base64
import json
import secrets as random
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.build import Phase, State
from boatyard.job import BuildJob, labels_for
from boatyard.reference import Reference
from boatyard.settings import Network, Output
from boatyard_buildkit import outbox
from boatyard_registry.client import RegistryCall
from boatyard_registry.media import sha256_of
from tests.buildkit.engine import Engine, log_of

pytestmark = pytest.mark.integration


def command(text: str) -> dict[str, Any]:
    return {"commands": {"cmd": [text]}}


def unique() -> str:
    return f"echo {random.token_hex(8)} > /unique"


def test_an_image_is_pushed_with_its_key_and_layers(engine: Engine, tmp_path: Path) -> None:
    job = engine.job([command(unique()), {"env": {"envVariables": {"A": "1"}}}])
    result = engine.build(job, tmp_path)
    assert (result.state, result.error) == (State.SUCCEEDED, None)
    image = engine.registry.find(Reference.parse(job.target), job.platforms)
    assert image and (image.digest, image.key) == (result.digest, job.key)
    assert labels_for(job.key, "tag")["io.boatyard.key"] == image.key
    contents = engine.registry.contents(Reference.parse(job.target))
    assert contents and contents.layers == result.layer_digests != ()
    phases = [time.phase for time in result.phases]
    assert phases == [Phase.FETCH_CONTEXT, Phase.BUILD, Phase.PUSH]
    assert all(time.seconds is not None for time in result.phases)


def test_only_log_progress_and_result_remain(engine: Engine, tmp_path: Path) -> None:
    engine.build(engine.job([command("true")]), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job.json", "log.jsonl", "progress.json", "result.json"]


def test_the_log_tells_each_step_in_the_words_of_the_sdk(engine: Engine, tmp_path: Path) -> None:
    engine.build(engine.job([command(f"{unique()}; echo heard")]), tmp_path)
    log = log_of(tmp_path)
    assert "with_commands([" in log
    assert "] heard" in log
    progress = outbox.read_progress(tmp_path)
    assert progress.step and progress.step.title.startswith("with_commands")
    assert 1 <= progress.step.number <= progress.step.total


def test_files_of_the_context_arrive_as_they_are(engine: Engine, tmp_path: Path) -> None:
    mark = random.token_hex(4)
    files = {
        "app/data.txt": f"data {mark}".encode(),
        "app/.dockerignore": b"*\n",
        ".dockerignore": b"app\n",
        "app/run.sh": b"#!/bin/sh\n",
    }
    layers = [
        {"copyConfig": {"src": "app", "dst": "/srv/app"}},
        command("ls -A /srv/app > /list; stat -c '%a %U %Y' /srv/app/run.sh > /stat; cat /srv/app/data.txt"),
    ]
    job = engine.job(layers, files=files, folder=tmp_path)
    result = engine.build(job, tmp_path / "out")
    assert result.state is State.SUCCEEDED, result.error
    assert f"data {mark}" in log_of(tmp_path / "out")


def test_builds_do_not_get_each_others_files(engine: Engine, tmp_path: Path) -> None:
    """BuildKit assumes that files with equal path, size and time are equal; see `boatyard_buildkit.stamp`."""
    for content in ("aaaa", "bbbb", "aaaa", "cccc"):
        mark = random.token_hex(4)
        layers = [{"copyConfig": {"src": "f", "dst": "/f"}}, command(f"echo {mark}; cat /f")]
        job = engine.job(layers, files={"f": content.encode()}, folder=tmp_path)
        engine.build(job, tmp_path / mark)
        assert f"] {content}" in log_of(tmp_path / mark)


def test_builds_side_by_side_do_not_get_each_others_files(engine: Engine, tmp_path: Path) -> None:
    """Concurrent builds of one project, with equal sizes: the Dockerfiles and the files differ in one letter."""
    started = []
    for letter in "abcdef":
        (tmp_path / letter).mkdir()
        layers = [{"copyConfig": {"src": "f", "dst": "/f"}}, command(f"{unique()}; echo {letter}=$(cat /f)")]
        job = engine.job(layers, files={"f": letter.encode()}, folder=tmp_path / letter)
        started.append((letter, engine.start(job, tmp_path / letter / "out")))
    for letter, process in started:
        assert process.wait(300) == 0
        assert f"] {letter}={letter}" in log_of(tmp_path / letter / "out")


def test_a_forced_build_runs_every_step_again(engine: Engine, tmp_path: Path) -> None:
    job = engine.job([command(f"{unique()}; head -c 16 /dev/urandom > /random")])
    jobs_by_name = {"first": job, "again": job, "forced": msgspec.structs.replace(job, force=True)}
    layers = {name: engine.build(each, tmp_path / name).layer_digests for name, each in jobs_by_name.items()}
    assert layers["first"] == layers["again"] != ()
    assert layers["first"][-1] != layers["forced"][-1]


class TestSecrets:
    VALUE = "hunter2-" + "s3cr3t"

    def build(self, engine: Engine, tmp_path: Path, script: str) -> tuple[BuildJob, Any, str]:
        folder = tmp_path / "secrets"
        folder.mkdir()
        (folder / "token").write_text(self.VALUE)
        layer = {"commands": {"cmd": [script], "secretMounts": [{"key": "token", "envVar": "TOKEN"}]}}
        job = engine.job([layer])
        result = engine.build(job, tmp_path / "out", secrets=folder)
        return job, result, log_of(tmp_path / "out")

    def test_a_step_does_not_get_what_another_projects_secret_made(self, engine: Engine, tmp_path: Path) -> None:
        layer = {"commands": {"cmd": [f'{unique()}; echo "has $WHOSE"'], "secretMounts": [{"key": "WHOSE"}]}}
        keys = []
        for project in ("one", "two"):
            folder = tmp_path / project
            folder.mkdir()
            (folder / "WHOSE").write_text(project)  # too short to be hidden in a log
            job = engine.job([layer], project=project)
            result = engine.build(job, folder / "out", secrets=folder)
            assert result.state is State.SUCCEEDED, result.error
            assert f"has {project}" in log_of(folder / "out")
            keys.append(job.key)
        assert keys[0] != keys[1]

    def test_a_step_can_use_one_and_nothing_keeps_it(self, engine: Engine, tmp_path: Path) -> None:
        script = f'{unique()}; test "$TOKEN" = {self.VALUE[:7]}-s3cr3t && printf %s "$TOKEN" | sha256sum > /proof'
        script = script.replace(f"{self.VALUE[:7]}-s3cr3t", '"$(printf hunter2-; printf s3cr3t)"')
        job, result, log = self.build(engine, tmp_path, script)
        assert result.state is State.SUCCEEDED, result.error
        assert self.VALUE not in log
        assert not [digest for digest in blobs_of(engine, job) if self.VALUE.encode() in blob(engine, job, digest)]

    def test_one_that_a_step_prints_is_hidden(self, engine: Engine, tmp_path: Path) -> None:
        script = 'echo "plain $TOKEN"; printf %s "$TOKEN" | base64; exit 1'
        _, result, log = self.build(engine, tmp_path, script)
        assert result.error and result.error.code == "COMMAND_FAILED"
        told = msgspec.json.encode(result).decode() + log
        assert "plain •••" in log
        assert self.VALUE not in told
        assert base64.b64encode(self.VALUE.encode()).decode().rstrip("=") not in told


def blobs_of(engine: Engine, job: BuildJob) -> list[str]:
    document = json.loads(get(engine, job, f"manifests/{Reference.parse(job.target).tag}"))
    return [document["config"]["digest"], *(layer["digest"] for layer in document["layers"][1:])]


def blob(engine: Engine, job: BuildJob, digest: str) -> bytes:
    """The blob and its contents unpacked by zstd: neither may contain a secret."""
    data = get(engine, job, f"blobs/{digest}")
    assert sha256_of(data) == digest
    unpacked = subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=False)
    return data + (unpacked.stdout if unpacked.returncode == 0 else b"")


def get(engine: Engine, job: BuildJob, path: str) -> bytes:
    from boatyard_registry.media import ACCEPT

    repository = Reference.parse(job.target).repository
    call = RegistryCall(method="GET", repository=repository, path=path, headers={"accept": ACCEPT}, limit=10**9)
    return engine.registry.client.send(call).body


def test_the_cache_of_a_registry_is_written_and_read(engine: Engine, tmp_path: Path) -> None:
    """A Dockerfile, because BuildKit's own cache is that of whole images."""
    cache = f"{engine.host}/cache/{random.token_hex(4)}"
    job = engine.job(dockerfile=f"FROM {engine.base}\nRUN {unique()}\n", cache_repository=cache)
    results = [engine.build(job, tmp_path / name) for name in ("one", "two")]
    phases = [[time.phase for time in result.phases] for result in results]
    assert all(result.state is State.SUCCEEDED for result in results)
    assert all(Phase.EXPORT_CACHE in found for found in phases)
    assert Phase.IMPORT_CACHE in phases[1]
    assert engine.registry.digest(Reference.parse(f"{cache}:project.domain.image"))


def test_provenance_is_attested_when_asked_for(engine: Engine, tmp_path: Path) -> None:
    job = engine.job([command(unique())], output=Output(provenance="max"))
    result = engine.build(job, tmp_path)
    assert result.state is State.SUCCEEDED, result.error
    image = engine.registry.find(Reference.parse(job.target), job.platforms)
    assert image and image.digest == result.digest and image.attestations


def test_a_mirror_serves_the_base_image(engine: Engine, tmp_path: Path) -> None:
    base = Reference.parse(engine.base)
    original = (
        f"quay.io/{base.repository.path}"
        + (f":{base.tag}" if base.tag else "")
        + (f"@{base.digest}" if base.digest else "")
    )
    job = engine.job([command("true")], base=original, registry_mirrors={"quay.io": base.repository.host})
    result = engine.build(job, tmp_path)
    assert result.state is State.SUCCEEDED, result.error


def test_a_mirror_leaves_the_stages_of_a_users_dockerfile_alone(engine: Engine, tmp_path: Path) -> None:
    base = Reference.parse(engine.base)
    name = f"docker.io/{base.repository.path}" + (f"@{base.digest}" if base.digest else f":{base.tag}")
    text = f"FROM {name} AS build\nRUN {unique()} && cp /unique /kept\nFROM build\nRUN test -s /kept\n"
    settings = msgspec.structs.replace(engine.settings, registry_mirrors={"docker.io": base.repository.host})
    job = engine.job(dockerfile=text, settings=settings)
    result = engine.build(job, tmp_path)
    assert result.state is State.SUCCEEDED, (result.error, log_of(tmp_path))


def test_the_companys_network_is_there_in_a_step_and_gone_afterwards(engine: Engine, tmp_path: Path) -> None:
    network = Network(
        ca_bundle=str(CA_FILE),
        index_url="https://user:pa55word@index.invalid/simple",
        mode=engine.settings.network.mode,
    )
    settings = msgspec.structs.replace(engine.settings, network=network)
    script = f'{unique()}; echo "$PIP_INDEX_URL $SSL_CERT_FILE"; test -s "$SSL_CERT_FILE"'
    job = engine.job([command(script)], settings=settings)
    result = engine.build(job, tmp_path)
    assert result.state is State.SUCCEEDED, result.error
    assert "https://user:•••@index.invalid/simple /run/boatyard/ca.pem" in log_of(tmp_path)
    assert not [digest for digest in blobs_of(engine, job) if b"index.invalid" in blob(engine, job, digest)]


CA_FILE = Path(sys.prefix) / "pyvenv.cfg"
"""Any small file will do for a bundle that nothing is fetched with."""


def test_a_build_secret_may_have_any_name_that_the_api_lets_through(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.b-c_D").write_text("value-of-it")
    step = f"RUN --mount=type=secret,id=a.b-c_D {unique()} && test -s /run/secrets/a.b-c_D\n"
    job = engine.job(dockerfile=f"FROM {engine.base}\n{step}")
    assert [secret.name for secret in job.secrets] == ["a.b-c_D"]
    result = engine.build(job, tmp_path / "out", secrets=tmp_path)
    assert result.state is State.SUCCEEDED, result.error
