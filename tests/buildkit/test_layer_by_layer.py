"""The part of a Dockerfile that BuildKit runs when the registry has the rest."""

from pathlib import Path

import msgspec

from boatyard.build import Phase, Step
from boatyard.job import BuildJob
from boatyard.reference import Reference
from boatyard_buildkit.instructions import Instructions
from boatyard_buildkit.layer_by_layer import ReportToFiles, segment_job
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.progress import ProgressFile
from boatyard_layers.building import Segment
from tests.buildkit import jobs

PREFIX = Reference.parse(f"registry.example/cache@sha256:{'a' * 64}")
LAYERS = [
    {"env": {"envVariables": {"A": "one\ntwo"}}},
    {"aptPackages": {"packages": ["git"]}},
    {"commands": {"cmd": ["true", "false"]}},
    {"pipPackages": {"packages": ["six"]}},
]


def part(first: int, last: int) -> tuple[BuildJob, BuildJob, Segment]:
    whole = jobs.make(LAYERS)
    layers = whole.layers[first : last + 1]
    segment = Segment(
        first_step=first + 2,
        total_steps=len(whole.layers) + 1,
        platform="linux/arm64",
        base=PREFIX,
        first_line=layers[0].first_line,
        last_line=layers[-1].last_line,
        target="registry.example/cache:prefix-x",
        annotations={"io.boatyard.prefix": "a"},
        name="part",
    )
    return whole, segment_job(whole, segment), segment


def test_a_part_starts_from_the_prefix_by_digest_and_has_its_own_instructions_only() -> None:
    whole, made, _ = part(1, 2)
    lines = made.dockerfile.splitlines()
    assert lines[0] == f"FROM {PREFIX}"
    assert lines[1:3] == ["ARG SOURCE_DATE_EPOCH", "ARG _BOATYARD_NEWLINE"]
    assert "\n".join(lines[3:]) in whole.dockerfile
    assert len(lines) == 6 and "git" in lines[3] and "false" in lines[5]
    assert made.platforms == ("linux/arm64",)


def test_a_failure_is_explained_with_the_layer_of_the_spec() -> None:
    _, made, _ = part(1, 2)
    found = [Instructions(made).layer_at(line) for line in range(1, 8)]
    assert [layer and layer.index for layer in found] == [None, None, None, 1, 2, 2, None]


def test_a_part_counts_the_steps_of_the_image() -> None:
    _, made, segment = part(1, 2)
    text = made.dockerfile.splitlines()
    names = [f"[{number}/4] {line}" for number, line in enumerate((text[0], *text[3:]), 1)]
    instructions = Instructions(made, segment.platform, segment)
    steps = [step for name in names if (step := instructions.step(name))]
    assert [instructions.label(step) for step in steps] == [
        "[linux/arm64 3/5]",  # FROM what was made so far, for the first layer
        "[linux/arm64 3/5]",
        "[linux/arm64 4/5]",
        "[linux/arm64 4/5]",
    ]
    assert instructions.numbers(steps[-1]) == (4, 5)
    assert [instructions.resumes(step) for step in steps] == [True, False, False, False]
    opening = Instructions(made, "", msgspec.structs.replace(segment, first_step=1))
    assert not opening.resumes(steps[0]), "a base image is pulled"


def test_a_part_has_no_tags_labels_attestations_or_cache_of_the_image() -> None:
    whole = msgspec.structs.replace(
        jobs.make(LAYERS, settings=msgspec.structs.replace(jobs.SETTINGS, layers="registry")),
        tags=("registry.example/images:mine",),
        cache_repository="registry.example/cache",
    )
    segment = Segment(
        platform="linux/amd64",
        base=PREFIX,
        first_line=2,
        last_line=3,
        first_step=1,
        total_steps=5,
        target="registry.example/cache:x",
        annotations={},
        name="part",
    )
    made = segment_job(whole, segment)
    assert (made.tags, made.labels, made.cache_repository, made.steps) == ((), {}, "", None)
    assert (made.output.sbom, made.output.provenance) == (False, "off")


def test_a_layer_after_what_buildkit_pushed_is_built_and_not_pushed(tmp_path: Path) -> None:
    progress = ProgressFile(tmp_path / "progress")
    report = ReportToFiles(progress, LogFile(tmp_path / "log"))
    report.phase(Phase.BUILD)
    progress.enter(Phase.PUSH)  # BuildKit's, at the end of a segment
    report.step(Step(number=3, total=4, title="with_pip_packages('torch')"))
    running = [each.phase for each in progress.phases() if each.seconds is None]
    assert running == [Phase.BUILD]
