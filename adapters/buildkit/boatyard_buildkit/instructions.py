"""Maps BuildKit's steps to lines of the Dockerfile and to layers."""

import re
from typing import TYPE_CHECKING, Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.dockerfile.parse import parse, reached
from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob, JobLayer

if TYPE_CHECKING:
    from boatyard_layers.building import Segment

_STEP: Final = re.compile(r"^\[(?P<where>(?:[^\[\]]*\s)?)(?P<number>\d+)/(?P<total>\d+)\] (?P<text>.*)$", re.DOTALL)
_VERTEX_WORDS: Final = ("FROM", "RUN", "COPY", "ADD", "WORKDIR")
_FLAG: Final = re.compile(r"\s--[a-z]+=\S+")
_PRELUDE: Final = re.compile(
    r"\A(?:\. /run/boatyard/network\.sh\n|[A-Za-z_]\w*=\"\$\(cat \S+; printf x\)\"; export [^\n]*\n)*"
)
"""The prefix that `boatyard.dockerfile.run` adds to a script: network settings, and secrets as variables."""
_LONGEST: Final = 120
_OURS: Final = (("COPY --from=uv ", "add uv"), ("uv venv ", "make the virtual environment, if the base has none"))
"""Steps before the first layer."""


class StepName(msgspec.Struct, frozen=True):
    """The parsed name of a step, such as `[linux/arm64 2/7] RUN …`."""

    number: int
    total: int
    where: str
    """The stage and platform, if there are several."""
    text: str
    trigger: bool = False
    """Whether the instruction comes from an ONBUILD of the base image."""
    inherited: bool = False
    """Whether the instruction comes from an ONBUILD of this Dockerfile, in the stage that this one starts from."""


def parse_step(vertex_name: str) -> StepName | None:
    found = _STEP.match(vertex_name)
    if not found:
        return None
    where = found["where"].replace("stage-0 ", "")
    return StepName(int(found["number"]), int(found["total"]), where, found["text"])


class Instructions:
    """The instructions of a Dockerfile. One that a plan generated has one stage and one instruction per line."""

    def __init__(self, job: BuildJob, platform: str = "", segment: "Segment | None" = None) -> None:
        """`platform` is shown with each step: that of a part of an image for several. `segment` is what the job is of
        an image, whose steps are counted as the makers count them."""
        self._segment = segment
        self._where = f"{platform} " if platform else ""
        # BuildKit's only line end; Python's splitlines knows others, which a value may contain.
        self._lines = job.dockerfile.split("\n")
        self._text = job.dockerfile
        self._target = job.target_stage
        self._build_args = job.build_args
        self._platforms = job.platforms
        self._layers = job.layers
        self._inserted = job.inserted_lines
        self._generated = bool(job.base_images)
        self._steps = [
            number
            for number, line in enumerate(self._lines, 1)
            if self._generated and line.split(" ", 1)[0] in _VERTEX_WORDS
        ]
        self._triggers: dict[str, int] = {}
        self._on_stages: set[str] = set()

    def notice(self, vertex_name: str) -> None:
        """Counts the steps that the base image's ONBUILD adds after FROM, in each stage.

        BuildKit numbers them like others, but does not count them in its total. It names all steps before it runs any.
        """
        step = self._parsed(vertex_name)
        if step:
            if step.number == 1 and not self._generated and not step.text.startswith("FROM "):
                # A stage that starts from another stage pulls nothing: its first step is not a FROM.
                self._on_stages.add(step.where)
            more = step.number - (len(self._steps) if self._generated else step.total)
            if more > self._triggers.get(step.where, 0):
                self._triggers[step.where] = more

    def step(self, vertex_name: str) -> StepName | None:
        """The step of a vertex, if it is one, numbered as in this Dockerfile.

        BuildKit shares a step with other builds and uses the name from the first of them, so its total may be theirs.
        Its number is right, because equal steps have equal steps before them.
        """
        step = self._parsed(vertex_name)
        if step is None:
            return None
        triggers = self._triggers.get(step.where, 0)
        total = len(self._steps) if self._generated else step.total
        if self._generated and not 1 <= step.number <= total + triggers:
            return step
        if step.where in self._on_stages:
            return msgspec.structs.replace(step, total=total + triggers, inherited=step.number <= triggers)
        return msgspec.structs.replace(step, total=total + triggers, trigger=1 < step.number <= 1 + triggers)

    def _parsed(self, vertex_name: str) -> StepName | None:
        step = parse_step(vertex_name)
        return msgspec.structs.replace(step, where=self._where or step.where) if step else None

    def numbers(self, step: StepName) -> tuple[int, int]:
        """The number of a step, and of how many; in a segment, of the image's steps."""
        if self._segment is None:
            return step.number, step.total
        layer = self.layer_at(self.line_of(step))
        # what precedes the layers, such as FROM, belongs to the first step
        return layer.index + 2 if layer else self._segment.first_step, self._segment.total_steps

    def resumes(self, step: StepName) -> bool:
        """Whether a step only takes up what the image's earlier steps made."""
        return self._segment is not None and self._segment.first_step > 1 and step.text.startswith("FROM ")

    def label(self, step: StepName) -> str:
        number, total = self.numbers(step)
        return f"[{step.where}{number}/{total}]"

    def line_of(self, step: StepName) -> int | None:
        """The line of a step, in a Dockerfile that Boatyard generated."""
        triggers = self._triggers.get(step.where, 0)
        number = step.number if step.number == 1 else step.number - triggers
        if self._generated and not step.trigger and 1 <= number <= len(self._steps) == step.total - triggers:
            return self._steps[number - 1]
        return None

    def line_like(self, step: StepName) -> int | None:
        """The only line that a step's text can come from, if BuildKit does not report it, as with ADD."""
        text = " ".join(step.text.split())
        found = [number for number, line in enumerate(self._lines, 1) if _is_of(line, text)]
        return self.line_of(step) or (found[0] if len(found) == 1 else None)

    def check_trigger(self, step: StepName) -> None:
        """Raises UNSUPPORTED for an ONBUILD that copies everything from a partial context.

        A Dockerfile's text decides which files the context and the key contain. An ONBUILD that copies a file by name
        fails by itself if the context lacks it.
        """
        word, _, rest = _FLAG.sub("", step.text.replace(" --from=", " --from ")).partition(" ")
        if not step.trigger or word not in ("COPY", "ADD") or rest.startswith("--from "):
            return
        sources = rest.strip("[]").split()[:-1]
        unnamed = any(not source.strip("\"',./") or set(source) & set("*?[") for source in sources)
        if unnamed and not self._copies_all():
            raise BoatyardError(
                Code.UNSUPPORTED,
                f"the base image runs {shorten(step.text)!r} by its ONBUILD, which copies what this image does not "
                "name; write that instruction into the Dockerfile, or use another base image",
            )

    def _copies_all(self) -> bool:
        if self._generated:
            return False
        platforms = self._platforms
        paths = reached(parse(self._text), self._target, self._build_args, platforms)
        return paths is None or "." in paths

    def users_line(self, line: int) -> int:
        """The number of a line in the Dockerfile that the user wrote."""
        return line - sum(1 for added in self._inserted if added <= line)

    def place(self, line: int | None) -> str:
        """`line 7 of the Dockerfile: ` for a Dockerfile that a user wrote; else empty."""
        return "" if self._generated or line is None else f"line {self.users_line(line)} of the Dockerfile: "

    def layer_at(self, line: int | None) -> JobLayer | None:
        if line is None:
            return None
        return next((layer for layer in self._layers if layer.first_line <= line <= layer.last_line), None)

    def text_at(self, line: int | None) -> str:
        return self._lines[line - 1] if line is not None and 1 <= line <= len(self._lines) else ""

    def title(self, step: StepName) -> str:
        """What a step does, in terms of the SDK if it belongs to a layer."""
        line = self.line_of(step)
        layer = self.layer_at(line)
        if layer:
            return layer.sdk_call
        if step.trigger:
            return f"{shorten(step.text)} (ONBUILD of the base image)"
        if step.inherited:
            return f"{shorten(step.text)} (ONBUILD)"
        # BuildKit expands variables in a step's name, which breaks the JSON of a script.
        text = self.text_at(line) or step.text
        ours = (said for words, said in _OURS if self._generated and words in text)
        return next(ours, None) or shorten(text)


def _is_of(line: str, text: str) -> bool:
    """Whether the instruction `text` may start in the line. BuildKit expands variables in its text."""
    written = " ".join(line.split())
    begun = written.rstrip("\\`").rstrip()
    word, _, rest = begun.partition(" ")
    begun = f"{word.upper()} {rest}"
    return rest != "" and (text == begun or (begun != written and text.startswith(begun)))


def shorten(instruction: str) -> str:
    """An instruction for display: without flags and mounts, and with its command taken from JSON."""
    word, _, rest = instruction.partition(" ")
    rest = _FLAG.sub("", f" {rest}").strip()
    command = script_of(rest)
    text = " ".join(f"{word} {command or rest}".split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def script_of(arguments: str) -> str:
    """The shell script in `["/bin/sh", "-c", "…"]`, without Boatyard's prefix; else empty."""
    if not arguments.startswith("["):
        return ""
    try:
        words = decode_json(arguments, object)
    except Undecodable:
        return ""
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return ""
    shell = len(words) == 3 and words[1] == "-c"
    return _PRELUDE.sub("", words[2], count=1) if shell else " ".join(words)


def run_script(instruction: str) -> str:
    """The script of a RUN; for other instructions, their text."""
    word, _, rest = instruction.partition(" ")
    if word != "RUN":
        return instruction
    rest = _FLAG.sub("", f" {rest}").strip()
    return script_of(rest) or rest
