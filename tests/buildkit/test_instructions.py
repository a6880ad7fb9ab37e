from pathlib import Path

import pytest

from boatyard_buildkit.instructions import Instructions, StepName, parse_step, run_script, script_of, shorten
from tests.buildkit import jobs

LAYERS = [
    {"pipPackages": {"packages": ["six"]}},
    {"env": {"envVariables": {"A": "1"}}},
    {"commands": {"cmd": ["true", "false"]}},
    {"workdir": {"workdir": "/srv"}},
]


def test_step_names_are_taken_apart() -> None:
    assert parse_step("[2/7] RUN x") == StepName(2, 7, "", "RUN x")
    assert parse_step("[stage-0 2/7] RUN x") == StepName(2, 7, "", "RUN x")
    step = parse_step("[linux/arm64 build 12/13] COPY a\nb /")
    assert step and (Instructions(jobs.make()).label(step), step.text) == ("[linux/arm64 build 12/13]", "COPY a\nb /")


@pytest.mark.parametrize("name", ["[internal] load metadata for x", "[context uv] load", "exporting to image", ""])
def test_other_vertices_are_no_steps(name: str) -> None:
    assert parse_step(name) is None


def test_every_step_finds_its_line_and_layer() -> None:
    job = jobs.make(LAYERS)
    instructions = Instructions(job)
    lines = job.dockerfile.splitlines()
    steps = [line for line in lines if line.split()[0] in ("FROM", "RUN", "COPY", "WORKDIR")]
    found = []
    for number, text in enumerate(steps, 1):
        line = instructions.line_of(StepName(number, len(steps), "", "whatever BuildKit made of it"))
        assert line and lines[line - 1] == text
        layer = instructions.layer_at(line)
        found.append(layer.index if layer else None)
    assert found == [None, None, None, 0, 2, 2, 3]


def test_a_value_with_line_ends_of_unicode_moves_no_line() -> None:
    job = jobs.make([{"env": {"envVariables": {"A": "1\u20282\x853"}}}, *LAYERS])
    instructions = Instructions(job)
    lines = [instructions.line_of(StepName(number, 7, "", "")) for number in range(1, 8)]
    layers = [layer.index if (layer := instructions.layer_at(line)) else None for line in lines]
    assert layers == [None, None, None, 1, 3, 3, 4]
    assert instructions.text_at(lines[6]) == 'WORKDIR "/srv"'


def test_a_step_that_buildkit_shares_with_another_build_is_counted_as_ours() -> None:
    instructions = Instructions(jobs.make(LAYERS))
    step = instructions.step("[stage-0 4/99] RUN what the other build called it")
    assert step and (step.number, step.total) == (4, 7)
    layer = instructions.layer_at(instructions.line_of(step))
    assert layer and layer.kind == "pipPackages"


def test_a_step_beyond_the_dockerfile_has_no_line() -> None:
    instructions = Instructions(jobs.make(LAYERS))
    step = instructions.step("[98/99] RUN x")
    assert step and instructions.line_of(step) is None
    assert instructions.step("exporting to image") is None


def test_titles_are_in_the_words_of_the_sdk_where_a_layer_made_the_step() -> None:
    instructions = Instructions(jobs.make(LAYERS))
    assert instructions.title(StepName(4, 7, "", "RUN …")) == "with_pip_packages('six')"
    assert instructions.title(StepName(2, 7, "", "COPY …")) == "add uv"
    assert instructions.title(StepName(3, 7, "", "RUN …")).startswith("make the virtual environment")


def test_a_users_dockerfile_has_titles_of_its_own() -> None:
    instructions = Instructions(jobs.make(dockerfile="FROM x\nRUN --mount=type=cache,target=/c  make   all\n"))
    step = StepName(2, 2, "", "RUN --mount=type=cache,target=/c  make   all")
    assert instructions.title(step) == "RUN make all"
    assert instructions.line_of(step) is None


def test_scripts_are_shown_without_what_boatyard_puts_before_them() -> None:
    layer = {"commands": {"cmd": ["echo a && b"], "secretMounts": [{"key": "TOKEN"}]}}
    job = jobs.with_network(jobs.make([layer], settings=jobs.SETTINGS), ca_bundle="/ca")
    line = next(line for line in job.dockerfile.splitlines() if "echo a" in line)
    assert "TOKEN" in line
    assert run_script(line) == "echo a && b"


def test_long_instructions_are_cut() -> None:
    assert len(shorten("RUN " + "x " * 500)) <= 120


def test_nothing_here_needs_a_folder(tmp_path: Path) -> None:
    assert Instructions(jobs.make()).text_at(10**6) == ""


def test_words_of_a_run_that_nest_without_end_are_no_script() -> None:
    assert script_of("[" * 60_000) == ""
    assert script_of('["x", ' + "[" * 60_000) == ""


def test_a_users_lines_keep_their_numbers() -> None:
    job = jobs.make(
        dockerfile="FROM x\nFROM a\nRUN y\nADD  b \\\n  c /\nADD d /\nadd d /\n",
        inserted_lines=(2, 4),
    )
    instructions = Instructions(job)
    assert [instructions.users_line(line) for line in (1, 3, 5)] == [1, 2, 3]
    assert instructions.place(3) == "line 2 of the Dockerfile: " and instructions.place(None) == ""
    assert Instructions(jobs.make(LAYERS)).place(3) == ""


def test_a_step_that_buildkit_gives_no_line_is_found_by_its_text() -> None:
    text = "FROM a\nADD  b \\\n  c /\nADD d /\nadd e /\nADD f /\nADD f /\nADD $X /\n"
    instructions = Instructions(jobs.make(dockerfile=text))

    def line(said: str) -> int | None:
        return instructions.line_like(StepName(2, 9, "", said))

    assert (line("ADD  b   c /"), line("ADD d /"), line("ADD e /")) == (2, 4, 5)
    assert line("ADD f /") is None, "two lines say so"
    assert line("ADD https://x /") is None, "the variable is filled in"
