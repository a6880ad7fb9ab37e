"""Examines the evidence in order and returns the failure."""

from typing import Final

import msgspec

from boatyard.build import Failure
from boatyard.errors import Code
from boatyard.job import BuildJob
from boatyard.lifecycle import failure
from boatyard_buildkit.explain import apt, command, images, poetry, solver, uv
from boatyard_buildkit.explain.verdict import Verdict, sentence
from boatyard_buildkit.follow import Ended
from boatyard_buildkit.instructions import Instructions, run_script
from boatyard_buildkit.shared_steps import disturbed

_TOOLS: Final = {
    "aptPackages": apt.read,
    "pipPackages": uv.read,
    "requirements": uv.read,
    "pythonWheels": uv.read,
    "uvProject": uv.read,
    "uvScript": uv.read,
    "poetryProject": poetry.read,
}
WITHOUT_TOOL: Final = frozenset({"commands", "workdir", "copyConfig", "env"})
"""Layers that install nothing by a tool of ours: what they run is the user's."""


def explain(ended: Ended, job: BuildJob, instructions: Instructions) -> Failure:
    """The failure of a build that BuildKit ended with an error."""
    layer = instructions.layer_at(ended.line)
    script = run_script(instructions.text_at(ended.line))
    verdict = _verdict(ended, job, instructions, script, layer.kind if layer else "")
    tail = ended.output or ended.text
    made = failure(verdict.code, sentence(verdict.message), tail[-job.log_tail_lines :] if job.log_tail_lines else ())
    if verdict.advice:
        made = msgspec.structs.replace(made, advice=sentence(verdict.advice))
    if layer:
        made = msgspec.structs.replace(made, layer_index=layer.index, layer_kind=layer.kind, sdk_call=layer.sdk_call)
    return made


def _verdict(ended: Ended, job: BuildJob, instructions: Instructions, script: str, kind: str) -> Verdict:
    if disturbed(ended):
        return Verdict(Code.BUILDER_LOST, "BuildKit ended this build together with others that shared its steps")
    if ended.step and (exit_code := command.exit_code(ended.error)) is not None:
        read = _TOOLS.get(kind)
        if read is None and not kind and job.base_images and "uv venv" in script:
            read = uv.read_venv
        tool = read(ended.output, exit_code) if read and exit_code != command.KILLED else None
        verdict = tool or command.read(ended.output, exit_code, script or ended.step.text)
        return msgspec.structs.replace(verdict, message=instructions.place(ended.line) + verdict.message)
    if found := solver.read(ended, instructions) or images.read(ended, job, instructions):
        return found
    return solver.read_rest(ended, instructions)
