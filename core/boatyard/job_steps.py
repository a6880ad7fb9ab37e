"""Decides what makes each layer of a plan."""

from typing import TYPE_CHECKING

from boatyard.backports import assert_never
from boatyard.dockerfile.frame import USER, creates_flyte_user, owner_of_copies
from boatyard.job import BuildJob, JobStep, JobSteps, Maker
from boatyard.spec import (
    AptPackages,
    Commands,
    CopyConfig,
    Env,
    ImageSpec,
    Layer,
    PipPackages,
    PoetryProject,
    PythonWheels,
    Requirements,
    UVProject,
    UVScript,
    WorkDir,
    layer_document,
)

if TYPE_CHECKING:
    from boatyard.plan import Plan


def job_steps(spec: ImageSpec, plan: "Plan") -> JobSteps | None:
    """The steps of a plan; None for a user's Dockerfile, which only BuildKit reads."""
    if spec.dockerfile:
        return None
    opening, *prefixes = plan.keys.prefixes
    owner = owner_of_copies(spec)
    return JobSteps(
        opening=opening,
        opening_lines=plan.opening_lines,
        python=spec.python_version,
        layers=tuple(_step(layer, prefix, owner) for layer, prefix in zip(spec.layers, prefixes, strict=True)),
        user=USER if creates_flyte_user(spec) else "",
    )


def maker_of(layer: Layer) -> Maker:
    match layer:
        case Env() | WorkDir():
            return "config"
        case CopyConfig():
            return "files"
        case PipPackages() | Requirements() | PythonWheels() | UVProject() | UVScript() | PoetryProject():
            return "wheels"
        case AptPackages() | Commands():
            return "run"
    assert_never(layer)


def needs_run(job: BuildJob) -> bool:
    """Whether it is known that a step of the job needs BuildKit. Others can turn out to, when the job looks."""
    attested = job.output.sbom or job.output.provenance != "off"
    return job.steps is None or attested or any(step.maker == "run" for step in job.steps.layers)


def _step(layer: Layer, prefix: str, owner: str) -> JobStep:
    maker = maker_of(layer)
    return JobStep(
        maker=maker,
        prefix=prefix,
        document={} if maker == "run" else layer_document(layer),
        owner=owner if isinstance(layer, CopyConfig) else "",
    )
