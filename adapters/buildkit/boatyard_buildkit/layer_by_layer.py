"""Makes an image layer by layer with boatyard_layers, and runs in BuildKit what only BuildKit can."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from boatyard.build import Failure, Phase, Step
from boatyard.dockerfile.quoting import NEWLINE_ARG
from boatyard.errors import Code
from boatyard.job import BuildJob
from boatyard.lifecycle import failure
from boatyard.mirrors import mirrored
from boatyard.reference import Reference
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.progress import ProgressFile
from boatyard_buildkit.quota import Quota
from boatyard_buildkit.secret_files import SecretFiles
from boatyard_buildkit.stop import JobStopped
from boatyard_layers.builder_cache import builder_cache
from boatyard_layers.building import Building, Segment
from boatyard_layers.errors import NotExact
from boatyard_layers.image import LayeredImage, make_image
from boatyard_registry import DockerConfigKeychain
from boatyard_registry.client import RegistryClient

_SECONDS: Final = 60.0
"""For one request: a build that took minutes must not fail because of a slow answer."""
_NO_BASE: Final = frozenset({Code.BASE_IMAGE_DENIED, Code.BASE_IMAGE_NOT_FOUND})

SolveJob = Callable[[BuildJob, Segment, Path, dict[str, str], Callable[[], None]], "str | Failure"]
"""Gives BuildKit a segment's job, with a folder for its files and the exporter's attributes; returns the digest. The
function is called regularly and raises if the build should stop."""


class SegmentFailed(Exception):
    """BuildKit ended with an error, which is explained."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


def build_by_layers(
    job: BuildJob,
    work: Path,
    context: Path,
    secrets: SecretFiles,
    docker_config: Path,
    progress: ProgressFile,
    log: LogFile,
    quota: Quota,
    solve: SolveJob,
    shared: Path | None,
) -> LayeredImage:
    """`shared` is a folder of this builder's jobs. Raises NotExact if BuildKit has to make the whole image, and
    SegmentFailed."""
    stopped = threading.Event()
    folder = work / "layers"
    folder.mkdir()
    report = ReportToFiles(progress, log)

    def check() -> None:
        if stopped.is_set():
            raise JobStopped(Code.CANCELLED)
        quota.check()

    def run_segment(segment: Segment) -> str:
        part = segment_job(job, segment)
        place = folder / segment.name
        place.mkdir()
        annotations = {f"annotation.{name}": value for name, value in segment.annotations.items()}
        output = {"name": part.target, **annotations}
        outcome = solve(part, segment, place, output, check)
        if not isinstance(outcome, Failure):
            return outcome
        if outcome.code in _NO_BASE:
            raise NotExact(f"BuildKit cannot start from {segment.base}: {outcome.message}")
        if outcome.code == Code.TAG_IMMUTABLE:  # nobody else has this tag
            message = f"the registry refuses the manifest of {part.target}"
            outcome = failure(Code.PUSH_DENIED, message, outcome.log_tail)
        if len(job.platforms) > 1:
            outcome = msgspec.structs.replace(outcome, message=f"{segment.platform}: {outcome.message}")
        raise SegmentFailed(outcome)

    client = RegistryClient(
        keychain=DockerConfigKeychain.of_folder(docker_config),
        insecure=job.insecure_registries,
        ca_bundle=job.network.ca_bundle,
        timeout_seconds=_SECONDS,
    )
    try:
        # A forced build uses nothing of an earlier one.
        with builder_cache(None if job.force else shared, job.realm.files, folder) as cache:
            building = Building(
                context=context,
                work=folder,
                cache=cache,
                client=client,
                report=report,
                run_segment=run_segment,
                secret=lambda name: secrets.path(name).read_text(encoding="utf-8"),
                check=check,
            )
            return make_image(job, building)
    except BaseException:
        stopped.set()  # for other platforms' threads
        raise
    finally:
        client.close()


def segment_job(job: BuildJob, segment: Segment) -> BuildJob:
    """A job for BuildKit that runs some instructions of `job`, from the segment's base."""
    lines = job.dockerfile.split("\n")
    header = [f"FROM {segment.base}", "ARG SOURCE_DATE_EPOCH"]
    if NEWLINE_ARG in job.build_args:
        header.append(f"ARG {NEWLINE_ARG}")
    text = "\n".join([*header, *lines[segment.first_line - 1 : segment.last_line], ""])
    moved = len(header) + 1 - segment.first_line
    layers = tuple(
        msgspec.structs.replace(layer, first_line=layer.first_line + moved, last_line=layer.last_line + moved)
        for layer in job.layers
        if segment.first_line <= layer.first_line and layer.last_line <= segment.last_line
    )
    uv = Reference.parse(job.uv.image)
    return msgspec.structs.replace(
        job,
        target=segment.target,
        tags=(),
        platforms=(segment.platform,),
        dockerfile=text,
        labels={},
        base_images=(str(segment.base),),
        layers=layers,
        steps=None,
        # The base is what was made so far, and no mirror has that.
        uv=msgspec.structs.replace(job.uv, image=str(mirrored(uv, job.registry_mirrors))),
        registry_mirrors={},
        output=msgspec.structs.replace(job.output, provenance="off", sbom=False),
        cache_repository="",
    )


class ReportToFiles:
    def __init__(self, progress: ProgressFile, log: LogFile) -> None:
        self._progress = progress
        self._log = log

    def log(self, text: str) -> None:
        self._log.write(text)

    def step(self, step: Step) -> None:
        self._progress.enter(Phase.BUILD)  # BuildKit may have ended a segment before it, with its push
        self._progress.step(msgspec.structs.replace(step, title=self._log.clean(step.title)))

    def phase(self, phase: Phase) -> None:
        self._progress.enter(phase)
