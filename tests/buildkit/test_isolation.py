"""On a shared BuildKit, no project reads, changes or reuses another project's data."""

import secrets as random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.build import State
from boatyard.job import BuildJob, JobResult
from boatyard.reference import Reference
from tests.buildkit.engine import Engine, log_of

pytestmark = pytest.mark.integration

VICTIM, ATTACKER = "victim", "attacker"
DRAW = "cat /proc/sys/kernel/random/uuid > /drawn"
"""Never twice the same: an equal layer is the same result, out of BuildKit's cache."""


@pytest.fixture
def mark() -> str:
    """A mark that no other build has."""
    return random.token_hex(8)


def build(engine: Engine, job: BuildJob, folder: Path, **values: str) -> JobResult:
    """Builds with the project's own values of secrets."""
    secrets = folder / "secrets"
    secrets.mkdir(parents=True)
    for name, value in values.items():
        (secrets / name).write_text(value)
    return engine.build(job, folder / "out", secrets=secrets)


def built(engine: Engine, job: BuildJob, folder: Path, **values: str) -> tuple[str, ...]:
    result = build(engine, job, folder, **values)
    assert (result.state, result.error) == (State.SUCCEEDED, None)
    return result.layer_digests


def under(job: BuildJob, name: str) -> BuildJob:
    """Gives the job another target: two jobs with one target and different results would overwrite each other."""
    target = Reference.parse(job.target)
    return msgspec.structs.replace(job, target=str(Reference(target.repository, f"{name}-{target.tag}")))


@pytest.mark.parametrize(
    "run",
    [
        DRAW,
        # The id of a cache mount is no part of BuildKit's cache key: what came out of one answered for another.
        f"--mount=type=cache,id=packages,target=/packages {DRAW}",
        f"--mount=type=cache,target=/packages {DRAW}",
    ],
    ids=["plain", "cache", "cache without id"],
)
def test_a_step_of_one_project_never_answers_for_anothers(engine: Engine, tmp_path: Path, mark: str, run: str) -> None:
    text = f"FROM {engine.base}\nENV MARK={mark}\nRUN {run}\n"
    mine = built(engine, engine.job(dockerfile=text, project=VICTIM), tmp_path / "1")
    again = built(engine, under(engine.job(dockerfile=text, project=VICTIM), "again"), tmp_path / "2")
    other = built(engine, engine.job(dockerfile=text, project=ATTACKER), tmp_path / "3")
    assert again == mine, "within a project the cache works"
    assert other[:-1] == mine[:-1] and other[-1] != mine[-1]


def test_a_step_that_the_base_brings_is_apart_too(engine: Engine, tmp_path: Path, mark: str) -> None:
    """ONBUILD steps are separate, too: Boatyard cannot add anything to such an instruction."""
    base = engine.job(dockerfile=f"FROM {engine.base}\nENV MARK={mark}\nONBUILD RUN {DRAW}\n", project="bases")
    built(engine, base, tmp_path / "base")
    layers = {
        project: built(engine, engine.job(dockerfile=f"FROM {base.target}\n", project=project), tmp_path / project)
        for project in (VICTIM, ATTACKER)
    }
    assert layers[VICTIM][-1] != layers[ATTACKER][-1]


def test_layers_of_a_spec_are_apart_by_project(engine: Engine, tmp_path: Path, mark: str) -> None:
    layers: list[dict[str, Any]] = [{"env": {"envVariables": {"MARK": mark}}}, {"commands": {"cmd": [DRAW]}}]
    mine = built(engine, engine.job(layers, project=VICTIM), tmp_path / "1")
    assert built(engine, under(engine.job(layers, project=VICTIM), "again"), tmp_path / "2") == mine
    assert built(engine, engine.job(layers, project=ATTACKER), tmp_path / "3")[-1] != mine[-1]


def test_no_dockerfile_reaches_another_projects_cache_mount(engine: Engine, tmp_path: Path, mark: str) -> None:
    """Even if it knows all names of the other project."""
    top = f"FROM {engine.base}\nENV MARK={mark}\n"
    written = ("id=packages,target=/cache", "target=/cache")
    text = top + "".join(f"RUN --mount=type=cache,{mount} echo secret > /cache/{mark}\n" for mount in written)
    victim = engine.job(dockerfile=text, project=VICTIM)
    built(engine, victim, tmp_path / "1")
    namespace = victim.build_args["BUILDKIT_CACHE_MOUNT_NS"]
    ids = [
        *("packages", "/cache", f"{namespace}/packages", f"/{namespace}/packages", f"../{namespace}/packages"),
        *(f"{namespace}//cache", f"{namespace}/cache"),
    ]
    mounts = ["target=/cache", *(f"id={each},target=/cache" for each in ids)]
    tried = "".join(f"RUN --mount=type=cache,{mount} test ! -e /cache/{mark}\n" for mount in mounts)
    built(engine, engine.job(dockerfile=top + tried, project=ATTACKER), tmp_path / "2")
    found = f"{top}RUN --mount=type=cache,target=/cache test -e /cache/{mark}\n"
    built(engine, under(engine.job(dockerfile=found, project=VICTIM), "found"), tmp_path / "3")


def test_what_a_secret_made_is_not_shown_to_who_has_another(engine: Engine, tmp_path: Path, mark: str) -> None:
    """The victim's Dockerfile with one more step used to be answered from BuildKit's cache."""
    text = (
        f"FROM {engine.base}\nENV MARK={mark}\n"
        "RUN --mount=type=secret,id=TOKEN tr a-z A-Z < /run/secrets/TOKEN > /made || echo nothing > /made\n"
    )
    victim = engine.job(dockerfile=text, project=VICTIM)
    built(engine, victim, tmp_path / "1", TOKEN=f"victims-{mark}")
    shown = "RUN cat /made\n"
    # The second is what the victim's job has: all of the victim's ids.
    for number, known in enumerate((text, victim.dockerfile)):
        job = engine.job(dockerfile=known + shown, project=ATTACKER)
        values = {secret.name: f"attackers-{number}-{mark}" for secret in job.secrets}
        built(engine, job, tmp_path / f"attack-{number}", **values)
        log = log_of(tmp_path / f"attack-{number}" / "out")
        assert f"ATTACKERS-{number}-{mark.upper()}" in log and f"VICTIMS-{mark.upper()}" not in log


def test_a_specs_secrets_are_apart_by_project(engine: Engine, tmp_path: Path, mark: str) -> None:
    made = {"cmd": [f"echo {mark}; printf %s $TOKEN | tr a-z A-Z > /made"], "secretMounts": [{"key": "TOKEN"}]}
    victim = engine.job([{"commands": made}], project=VICTIM)
    built(engine, victim, tmp_path / "1", TOKEN=f"victims-{mark}")
    shown = [{"commands": made}, {"commands": {"cmd": ["cat /made"]}}]
    built(engine, engine.job(shown, project=ATTACKER), tmp_path / "2", TOKEN=f"attackers-{mark}")
    log = log_of(tmp_path / "2" / "out")
    assert f"ATTACKERS-{mark.upper()}" in log and f"VICTIMS-{mark.upper()}" not in log


def test_what_keeps_steps_apart_is_in_no_layer(engine: Engine, tmp_path: Path, mark: str) -> None:
    text = (
        f"FROM {engine.base} AS made\nENV MARK={mark}\nRUN grep boatyard.invalid /etc/hosts\n"
        f"FROM {engine.base}\n"
        "RUN --mount=type=bind,from=made,target=/made ! grep -r boatyard.invalid /made/etc\n"
    )
    job = engine.job(dockerfile=text, project=VICTIM)
    built(engine, job, tmp_path)
    assert f"{job.realm.steps}.boatyard.invalid" in log_of(tmp_path / "out")


def without_login(engine: Engine, folder: Path) -> Engine:
    """The same BuildKit, for builds without credentials."""
    known = Path(engine.settings.buildkit.docker_config)
    empty = folder / "docker-config"
    empty.mkdir()
    (empty / "config.json").write_text("{}")
    (empty / "cli-plugins").symlink_to(known / "cli-plugins")
    settings = folder / "boatyard.toml"
    settings.write_text(engine.path.read_text().replace(f'"{known}"', f'"{empty}"'))
    return Engine(settings)


def test_a_base_that_buildkit_has_is_not_given_to_who_may_not_pull_it(
    engine: Engine, tmp_path: Path, mark: str
) -> None:
    """BuildKit finds it by its digest without asking the registry."""
    text = f"FROM {engine.base}\nENV MARK={mark}\nRUN echo top-secret > /made\n"
    private = engine.job(dockerfile=text, project=VICTIM)
    result = build(engine, private, tmp_path / "1")
    base = Reference.parse(private.target).at(result.digest or "")
    shown = f"FROM {base}\nRUN cat /made\n"
    built(engine, engine.job(dockerfile=shown, project=VICTIM), tmp_path / "2")
    stranger = without_login(engine, tmp_path)
    refused = build(stranger, stranger.job(dockerfile=shown, project=ATTACKER), tmp_path / "3")
    assert refused.state is State.FAILED
    assert refused.error and refused.error.code == "BASE_IMAGE_DENIED" and str(base) in refused.error.message
    assert "top-secret" not in log_of(tmp_path / "3" / "out")
