"""The steps of a job, as the makers see them: opening, layers and closing, each with its lines of the Dockerfile."""

import msgspec

from boatyard.job import BuildJob, JobSteps, Maker
from boatyard.key import prefix_key
from boatyard.spec import Layer, parse_layer


class MakerStep(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    """The opening is 0."""
    title: str
    """In the words of the SDK."""
    maker: Maker
    prefix: str
    """Its key in the plan (`boatyard.key.Keys.prefixes`)."""
    first_line: int
    last_line: int
    """Less than `first_line` for a layer without instructions."""
    layer: Layer | None = None
    """None for the opening, and for layers that only BuildKit makes."""
    owner: str = ""


def steps_of(job: BuildJob, steps: JobSteps) -> tuple[MakerStep, ...]:
    """The opening and the layers, in their order."""
    found = [
        MakerStep(
            number=0,
            title="uv and the virtual environment",
            maker="files",
            prefix=steps.opening,
            first_line=2,  # after FROM
            last_line=steps.opening_lines,
        )
    ]
    for number, (step, layer) in enumerate(zip(steps.layers, job.layers, strict=True), 1):
        found.append(
            MakerStep(
                number=number,
                title=layer.sdk_call,
                maker=step.maker,
                prefix=step.prefix,
                first_line=layer.first_line,
                last_line=layer.last_line,
                layer=parse_layer(step.document) if step.document else None,
                owner=step.owner,
            )
        )
    return tuple(found)


def key_of(step: MakerStep, base_digest: str, platform: str) -> str:
    return prefix_key(step.prefix, base_digest, platform)
