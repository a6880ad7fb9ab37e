"""A base image's ONBUILD steps follow FROM, and are not counted as the Dockerfile's."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard_buildkit.explain import explain
from boatyard_buildkit.follow import Follower
from boatyard_buildkit.instructions import Instructions
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.progress import ProgressFile
from boatyard_buildkit.rawjson import Update, Vertex
from boatyard_buildkit.redaction import Redactor
from tests.buildkit import jobs

USERS = msgspec.structs.replace(jobs.make(dockerfile="FROM x\n"), dockerfile="FROM x\nRUN echo mine\nCOPY own.txt /x\n")
GENERATED = jobs.make([{"pipPackages": {"packages": ["six"]}}])


def names(*triggers: str, own: int) -> list[str]:
    """The vertices' names in BuildKit's form: the last one first, and triggers not counted in the total."""
    texts = ["FROM x", *triggers, *(f"step {number}" for number in range(2, own + 1))]
    return [f"[{number}/{own}] {text}" for number, text in enumerate(texts, 1)][::-1]


@pytest.fixture
def follow(tmp_path: Path) -> Callable[..., tuple[Instructions, Follower]]:
    def made(job: BuildJob, vertexes: list[Vertex]) -> tuple[Instructions, Follower]:
        instructions = Instructions(job)
        follower = Follower(instructions, LogFile(tmp_path / "log", Redactor()), ProgressFile(tmp_path / "progress"))
        follower.take(Update(vertexes=tuple(vertexes)))
        return instructions, follower

    return made


def vertexes(*triggers: str, own: int, error: str = "") -> list[Vertex]:
    return [
        Vertex(digest=name, name=name, error=error if name.startswith("[2/") else "")
        for name in names(*triggers, own=own)
    ]


def test_steps_of_an_image_of_layers_keep_their_titles(follow: Callable[..., tuple[Instructions, Follower]]) -> None:
    own = len(Instructions(GENERATED)._steps)
    instructions, _ = follow(GENERATED, vertexes("WORKDIR /srv", "RUN echo hi", own=own))
    titles = []
    for name in names("WORKDIR /srv", "RUN echo hi", own=own)[::-1]:
        step = instructions.step(name)
        assert step
        titles.append((step.number, step.total, instructions.title(step)))
    assert [title for _, _, title in titles[1:4]] == [
        "WORKDIR /srv (ONBUILD of the base image)",
        "RUN echo hi (ONBUILD of the base image)",
        "add uv",
    ]
    assert titles[-1] == (own + 2, own + 2, "with_pip_packages('six')")


def test_a_file_that_an_onbuild_copies_is_told_as_its(follow: Callable[..., tuple[Instructions, Follower]]) -> None:
    error = 'failed to calculate checksum of ref x: "/requirements.txt": not found'
    instructions, follower = follow(USERS, vertexes("COPY requirements.txt /srv/", own=3, error=error))
    failure = explain(follower.end(1), USERS, instructions)
    assert failure.code == "FILE_NOT_FOUND"
    assert (
        "an ONBUILD of the base image copies 'requirements.txt'" in failure.message
        and "Copy it in the Dockerfile" in failure.advice
    )


@pytest.mark.parametrize("copy", ["COPY . /srv", "ADD ./ /srv/", "COPY *.txt /srv/", 'COPY ["/", "/srv"]'])
@pytest.mark.parametrize("job", [USERS, GENERATED], ids=["user", "layers"])
def test_an_onbuild_that_copies_everything_is_refused_where_not_everything_is_there(
    copy: str, job: BuildJob, follow: Callable[..., tuple[Instructions, Follower]]
) -> None:
    own = 3 if job is USERS else len(Instructions(job)._steps)
    with pytest.raises(BoatyardError, match="by its ONBUILD, which copies what this image does not name") as caught:
        follow(job, vertexes(copy, own=own))
    assert caught.value.code == "UNSUPPORTED"


@pytest.mark.parametrize("copy", ["COPY requirements.txt /srv/", "COPY --from=x . /srv", "RUN cp . /x", "WORKDIR /"])
def test_other_triggers_are_run(copy: str, follow: Callable[..., tuple[Instructions, Follower]]) -> None:
    follow(USERS, vertexes(copy, own=3))


def test_a_dockerfile_that_copies_everything_has_everything(
    follow: Callable[..., tuple[Instructions, Follower]],
) -> None:
    whole = msgspec.structs.replace(USERS, dockerfile="FROM x\nRUN echo mine\nCOPY . /x\n")
    follow(whole, vertexes("COPY . /srv", own=3))


ON_A_STAGE = msgspec.structs.replace(
    USERS,
    dockerfile="FROM x AS base\nONBUILD RUN echo a\nONBUILD COPY *.txt /x/\nFROM base\nCOPY *.cfg /y/\nRUN echo mine\n",
)


def test_a_stage_that_stands_on_a_stage_with_onbuild_has_no_from_of_its_own(
    follow: Callable[..., tuple[Instructions, Follower]],
) -> None:
    """Its steps were mistaken for those of the base image, and its own COPY was refused."""
    texts = ["RUN echo a", "COPY *.txt /x/", "COPY *.cfg /y/", "RUN echo mine"]
    found = ["[base 1/1] FROM x", *(f"[stage-1 {number}/2] {text}" for number, text in enumerate(texts, 1))]
    instructions, _ = follow(ON_A_STAGE, [Vertex(digest=name, name=name) for name in found[::-1]])
    steps = [step for name in found if (step := instructions.step(name))]
    assert [instructions.title(step) for step in steps] == [
        "FROM x",
        "RUN echo a (ONBUILD)",
        "COPY *.txt /x/ (ONBUILD)",
        "COPY *.cfg /y/",
        "RUN echo mine",
    ]
    assert [(step.number, step.total) for step in steps[1:]] == [(1, 4), (2, 4), (3, 4), (4, 4)]
