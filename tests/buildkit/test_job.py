"""Jobs with a scripted stand-in for BuildKit, for behaviour that is too rare in the real one."""

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.build import State
from boatyard.job import BuildJob, JobResult, JobSecret
from boatyard.reference import Reference
from boatyard_buildkit import outbox
from boatyard_buildkit.shared_steps import MOST_SOLVES
from tests.buildkit import jobs
from tests.buildkit.archives import Link, announce, close, raw
from tests.buildkit.engine import log_of
from tests.registry.server import FakeRegistry, running

STEP = '{"vertexes":[{"digest":"v","name":"[4/4] RUN x","started":"s"}]}'


class Stage:
    """A folder with a job, a script instead of buildctl, and a registry in this process."""

    def __init__(self, folder: Path, registry: FakeRegistry) -> None:
        self.folder = folder
        self.registry = registry
        self.out = folder / "out"
        self.secrets = folder / "secrets"
        self.secrets.mkdir()

    def job(self, layers: list[dict[str, Any]] | None = None, **changes: Any) -> BuildJob:
        layers = [{"commands": {"cmd": ["x"]}}] if layers is None else layers
        return jobs.make(
            layers, registry=f"{self.registry.address}/acme", insecure_registries=(self.registry.address,), **changes
        )

    def push(self, job: BuildJob) -> str:
        """Pushes what a real BuildKit would push."""
        reference = Reference.parse(job.target)
        return self.registry.add_image(reference.repository.path, reference.tag or "", labels=job.labels)

    def start(self, job: BuildJob, script: str) -> subprocess.Popen[bytes]:
        program = self.folder / "buildctl"
        program.write_text(
            "#!/bin/sh\nfor word; do case $word in --metadata-file=*) metadata=${word#*=};; esac; done\n" + script
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        (self.folder / "job.json").write_bytes(msgspec.json.encode(job))
        (self.folder / "settings.toml").write_text(f'[buildkit]\nbuildctl = "{program}"\n')
        command = [sys.executable, "-m", "boatyard_buildkit", "--job", "job.json", "--out", "out"]
        return subprocess.Popen(
            [*command, "--secrets", "secrets", "--buildkit", "settings.toml"],
            cwd=self.folder,
            stderr=subprocess.PIPE,
            env=os.environ | {"HOME": str(self.folder)},
        )

    def run(self, job: BuildJob, script: str) -> JobResult:
        process = self.start(job, script)
        _, self.stderr = process.communicate(timeout=60)
        self.exit_code = process.returncode
        result = outbox.read_result(self.out)
        assert result is not None, self.stderr
        assert self.exit_code == {State.SUCCEEDED: 0, State.ERRORED: 2}.get(result.state, 1)
        assert not (self.out / "work").exists()
        return result

    def success(self, digest: str) -> str:
        return f"""echo '{{"containerimage.digest": "{digest}"}}' > $metadata\n"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with running() as registry:
        yield Stage(tmp_path, registry)


def code(result: JobResult) -> str | None:
    return result.error.code if result.error else None


def test_what_was_pushed_is_the_result(stage: Stage) -> None:
    job = stage.job()
    digest = stage.push(job)
    result = stage.run(job, stage.success(digest))
    assert (result.state, result.digest, len(result.layer_digests)) == (State.SUCCEEDED, digest, 1)
    assert log_of(stage.out).endswith(f"pushed {job.target}@{digest}")


def test_another_image_under_the_tag_is_no_success(stage: Stage) -> None:
    job = stage.job()
    stage.push(job)
    result = stage.run(job, stage.success("sha256:" + "0" * 64))
    assert (result.state, code(result), result.digest) == (State.ERRORED, "REGISTRY_UNAVAILABLE", None)
    assert result.error and "wrong digest" in result.error.message


def test_nothing_under_the_tag_is_no_success(stage: Stage) -> None:
    assert code(stage.run(stage.job(), stage.success("sha256:" + "0" * 64))) == "REGISTRY_UNAVAILABLE"


def test_a_registry_that_died_after_the_push_is_no_success(stage: Stage) -> None:
    job = stage.job()
    digest = stage.push(job)
    stage.registry.close()
    assert code(stage.run(job, stage.success(digest))) == "REGISTRY_UNAVAILABLE"


def test_a_buildkit_that_does_not_say_what_it_built(stage: Stage) -> None:
    assert code(stage.run(stage.job(), "exit 0\n")) == "INTERNAL"


def test_output_that_is_no_progress_is_kept_in_the_log(stage: Stage) -> None:
    result = stage.run(stage.job(), "echo plain words; printf '\\377\\376{\\n  \"vertexes\": ['; exit 1\n")
    assert result.state is State.ERRORED
    assert "plain words" in log_of(stage.out)


def test_a_flood_of_output_ends(stage: Stage) -> None:
    job = stage.job()
    line = "x" * 2000
    script = f"i=0; while [ $i -lt 15000 ]; do echo {line}; i=$((i+1)); done\n"
    stage.run(job, script + stage.success(stage.push(job)))
    assert (stage.out / outbox.LOG).stat().st_size < 21 * 1024**2


def test_a_client_that_dies_is_lost(stage: Stage) -> None:
    result = stage.run(stage.job(), f"echo '{STEP}'; kill -9 $$\n")
    assert (result.state, code(result)) == (State.ERRORED, "BUILDER_LOST")


def test_a_daemon_that_goes_away_is_lost(stage: Stage) -> None:
    gone = "ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF"
    assert code(stage.run(stage.job(), f"echo '{STEP}'; echo '{gone}'; exit 1\n")) == "BUILDER_LOST"


def _step_error(error: str) -> str:
    return json.dumps({"vertexes": [{"digest": "v", "name": "[4/4] RUN x", "error": error}]})


_WHOLE = "failed to solve: "
_KILLED = 'process "/bin/sh -c x" did not complete successfully: exit code: 137: context canceled'
DISTURBED = {
    "session": [_step_error("no active sessions")],
    "scheduler": [_step_error("buildkit scheduler error: return leaving 2 outgoing open. Please report this")],
    "graph": [f"ERROR: {_WHOLE}failed to get edge: inconsistent graph state"],
    "cancelled": [f"ERROR: {_WHOLE}Canceled: context canceled"],
    "cancelled step": [_step_error(_KILLED), f"ERROR: {_WHOLE}{_KILLED}"],
}


@pytest.fixture(params=DISTURBED)
def disturbance(request: pytest.FixtureRequest) -> str:
    """Shell commands that print BuildKit's messages when the end of another build ends this one."""
    return "\n".join(f"echo {shlex.quote(line)}" for line in DISTURBED[request.param])


def test_a_build_that_another_builds_end_ended_is_solved_again(stage: Stage, disturbance: str) -> None:
    job = stage.job()
    once = f"echo '{STEP}'; [ -e {stage.folder}/tried ] || {{ touch {stage.folder}/tried; {disturbance}\nexit 1; }}\n"
    result = stage.run(job, once + stage.success(stage.push(job)))
    assert result.state is State.SUCCEEDED, result.error
    assert "trying again" in log_of(stage.out)


def test_a_build_that_is_ended_so_every_time_is_lost(stage: Stage, disturbance: str) -> None:
    script = f"echo . >> {stage.folder}/tries; echo '{STEP}'; {disturbance}\nexit 1\n"
    result = stage.run(stage.job(), script)
    assert (result.state, code(result)) == (State.ERRORED, "BUILDER_LOST")
    assert (stage.folder / "tries").read_text().count(".") == MOST_SOLVES


@pytest.mark.parametrize("words", ["no active sessions", "context canceled", "buildkit scheduler error"])
def test_a_command_that_only_says_so_is_not_run_again(stage: Stage, words: str) -> None:
    said = _step_error(f'process "echo {words}" did not complete successfully: exit code: 1')
    script = f"echo . >> {stage.folder}/tries; echo '{STEP}'; echo '{said}'; exit 1\n"
    assert stage.run(stage.job(), script).state is State.FAILED
    assert (stage.folder / "tries").read_text().count(".") == 1


def test_a_program_that_will_not_stop_is_killed(stage: Stage) -> None:
    process = stage.start(stage.job(), f"trap '' TERM; echo '{STEP}'; while :; do sleep 1; done\n")
    while "RUN x" not in log_of(stage.out) and "commands" not in log_of(stage.out):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 1
    result = outbox.read_result(stage.out)
    assert result and result.state is State.CANCELLED


def test_the_deadline_holds(stage: Stage) -> None:
    result = stage.run(stage.job(timeout_seconds=1), f"echo '{STEP}'; exec sleep 60\n")
    assert (result.state, code(result)) == (State.TIMED_OUT, "TIMED_OUT")


def test_a_missing_secret_is_told_before_anything_starts(stage: Stage) -> None:
    job = stage.job(secrets=(JobSecret(id="secret-a", name="a"),))
    result = stage.run(job, "echo started\n")
    assert (result.state, code(result)) == (State.FAILED, "SECRET_NOT_FOUND")
    assert "started" not in log_of(stage.out)


def test_a_secret_never_comes_out_whoever_prints_it(stage: Stage) -> None:
    (stage.secrets / "a").write_text("hunter2-secret")
    job = stage.job(secrets=(JobSecret(id="secret-a", name="a"),))
    encoded = "aHVudGVyMi1zZWNyZXQ="
    said = json.dumps({"vertexes": [{"digest": "v", "name": "[1/1] RUN hunter2-secret", "started": "s"}]})
    failed = json.dumps({"vertexes": [{"digest": "v", "name": "x", "completed": "c", "error": "hunter2-secret"}]})
    result = stage.run(job, f"echo '{said}'; echo '{failed}'; echo hunter2-secret {encoded}; exit 1\n")
    told = b"".join((stage.out / name).read_bytes() for name in (outbox.LOG, outbox.RESULT, outbox.PROGRESS))
    assert b"hunter2" not in told + stage.stderr
    assert encoded.encode() not in told
    assert result.error


def test_a_context_that_is_not_as_announced(stage: Stage) -> None:
    job = stage.job(files={"a": b"1"}, folder=stage.folder)
    (stage.folder / "context.tar.gz").write_bytes(b"other")
    assert code(stage.run(job, "echo started\n")) == "CONTEXT_INVALID"


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"disk_bytes": 10_000}, "DISK_FULL"),
        ({"unpacked_bytes": 10_000}, "CONTEXT_INVALID"),
        ({"context_entries": 1}, "CONTEXT_INVALID"),
    ],
)
def test_a_context_beyond_a_bound(stage: Stage, bounds: dict[str, Any], expected: str) -> None:
    job = stage.job(files={"a": bytes(20_000), "l": Link("a")}, folder=stage.folder, **bounds)
    assert code(stage.run(job, "echo started\n")) == expected


def run_with_archive(stage: Stage, archive: bytes) -> JobResult:
    job = stage.job(files={"a": b""}, folder=stage.folder)
    assert job.context
    (stage.folder / "context.tar.gz").write_bytes(archive)
    job = msgspec.structs.replace(job, context=msgspec.structs.replace(job.context, context=announce(archive)))
    return stage.run(job, "echo started\n")


def test_an_archive_that_reaches_outside_leaves_nothing(stage: Stage) -> None:
    assert code(run_with_archive(stage, close(raw("l", b"2", link="../../.."), raw("l/evil")))) == "CONTEXT_INVALID"
    assert not list(stage.folder.rglob("evil"))


def test_folders_nested_without_end_are_a_failure_and_leave_nothing(stage: Stage) -> None:
    result = run_with_archive(stage, close(raw("d/" * 1500, b"5")))
    assert (result.state, code(result)) == (State.FAILED, "CONTEXT_INVALID")
    assert result.error and "nested deeper than 128" in result.error.message


def test_reading_the_secrets_is_within_the_timeout(stage: Stage) -> None:
    """A pipe instead of a file never ends, and a regular expression of 10,000 lines did not either."""
    os.mkfifo(stage.secrets / "a")
    job = stage.job(secrets=(JobSecret(id="secret-a", name="a"),), timeout_seconds=2)
    assert code(stage.run(job, "echo started\n")) == "SECRET_NOT_FOUND"
    for number in range(20):
        (stage.secrets / f"b{number}").write_text("\n".join(f"{line * 20 + number}" for line in range(60_000)))
    names = tuple(JobSecret(id=f"secret-{number}", name=f"b{number}") for number in range(20))
    job = stage.job(secrets=names, timeout_seconds=1)
    assert code(stage.run(job, "echo started\n")) == "TIMED_OUT"


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"id": 5}'])
def test_a_job_that_cannot_be_read_has_an_exit_code_and_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.json").write_text(text)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "boatyard_buildkit",
            "--job",
            str(tmp_path / "job.json"),
            "--out",
            str(tmp_path / "out"),
        ],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_fields_of_a_newer_function_are_ignored(stage: Stage) -> None:
    job = stage.job()
    digest = stage.push(job)
    document = json.loads(msgspec.json.encode(job)) | {"fromTheFuture": {"x": 1}}
    process = stage.start(job, stage.success(digest))
    process.kill()
    process.wait()
    (stage.folder / "job.json").write_text(json.dumps(document))
    done = subprocess.run(process.args, cwd=stage.folder, check=False)
    assert done.returncode == 0


def test_the_jobs_own_environment_does_not_change_what_is_built(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUILDX_BUILDER", "BUILDKIT_HOST", "SOURCE_DATE_EPOCH", "DOCKER_DEFAULT_PLATFORM", "AWS_ROLE_ARN"):
        monkeypatch.setenv(name, "from-outside")
    job = stage.job()
    stage.run(job, "env\n" + stage.success(stage.push(job)))
    log = log_of(stage.out)
    assert log.count("from-outside") == 1 and "AWS_ROLE_ARN=from-outside" in log


def test_the_dockerfiles_time_is_made_of_its_content(stage: Stage) -> None:
    """BuildKit assumes that files with equal sizes and times are equal, and the clock is too coarse."""
    look = 'for word; do case $word in --local=dockerfile*) stat -c "time %y" ${word##*=}/Dockerfile;; esac; done\n'
    times = []
    for layers in ([{"env": {"envVariables": {"A": value}}}] for value in "121"):
        job = stage.job(layers)
        stage.run(job, look + stage.success(stage.push(job)))
        times.append([line for line in log_of(stage.out).splitlines() if line.startswith("time ")][-1])
    assert times[0] == times[2] != times[1]


def test_importing_the_job_loads_no_http_library() -> None:
    script = "import sys, boatyard_buildkit.cli; print({'http.client', 'ssl', 'urllib.request'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "set()"
