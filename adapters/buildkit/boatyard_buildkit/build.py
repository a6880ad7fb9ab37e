"""Builds and pushes an image from an unpacked context, or explains why that failed."""

import os
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from boatyard.build import Failure, Phase
from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob
from boatyard.mirrors import named_contexts
from boatyard.mounts import CA_SECRET, NETWORK_SECRET, PIP_SECRET, UV_SECRET
from boatyard.settings import Network
from boatyard_buildkit.access import BuilderAccess
from boatyard_buildkit.docker_config import credential_store, deployment_folder, write_docker_config
from boatyard_buildkit.drivers import Driver, choose
from boatyard_buildkit.failure import failure_of
from boatyard_buildkit.log import LogFile
from boatyard_buildkit.network_script import network_script, pip_file, uv_file
from boatyard_buildkit.progress import ProgressFile
from boatyard_buildkit.quota import Quota
from boatyard_buildkit.secret_files import SecretFiles
from boatyard_buildkit.solve import Solve, cache, hosts, registry_output, scope
from boatyard_buildkit.stamp import stamp
from boatyard_buildkit.stop import JobStopped

if TYPE_CHECKING:
    from boatyard_buildkit.follow import Ended, Follower
    from boatyard_buildkit.instructions import Instructions
    from boatyard_layers.building import Segment

_BUILD_VARIABLES: Final = ("BUILDX_", "BUILDKIT_", "DOCKER_BUILDKIT", "DOCKER_DEFAULT_PLATFORM", "SOURCE_DATE_EPOCH")
"""Environment variables that change what buildx builds and how."""

_PAUSE_SECONDS: Final = 0.5
"""Seconds before another solve, so that BuildKit has forgotten the build that ended."""

_IGNORE_NOTHING: Final = "# The client has already left out ignored files.\n"
"""Not empty: BuildKit treats an empty file as none, and would then apply the context's own."""


DOCKER_FOLDER: Final = "docker"
"""Folder in a job's work folder for its Docker configuration, with the credentials of this build."""


class BuildOutput(msgspec.Struct, frozen=True):
    digest: str | None
    layer_digests: tuple[str, ...] = ()


def build(
    job: BuildJob,
    work: Path,
    context: Path,
    secrets: SecretFiles,
    access: BuilderAccess,
    progress: ProgressFile,
    log: LogFile,
    quota: Quota,
    shared: Path | None = None,
) -> BuildOutput | Failure:
    """`shared` is a folder of this builder's jobs. Raises BoatyardError for errors other than BuildKit's own."""
    driver = choose(access)
    folder = work / DOCKER_FOLDER
    environment = _environment()
    source, store = deployment_folder(access.buildkit.docker_config), credential_store(access.authentication_type)
    environment |= write_docker_config(folder, source, job, secrets, store=store)
    environment |= driver.environment()
    if (job.registry_secrets or job.tags) and not job.force and (found := _look(job, folder)):
        log.write(f"{job.target} is in the registry already, so nothing is built")
        return found
    runner = _Runner(driver, environment, access, progress, log, quota)
    if job.steps is not None:
        # The makers read the base's manifest, with the same credentials.
        _prove(set(job.proven_images) - set(job.base_images), job, folder)
        made = _by_layers(job, work, context, secrets, folder, runner, shared)
        if made is not None:
            return made
    _prove(job.proven_images, job, folder)
    solve = _solve(job, work, context, secrets)
    ended, instructions = runner.run(job, solve)
    if ended.exit_code != 0:
        from boatyard_buildkit.explain import explain  # 20 ms of regular expressions, for failures only

        failure = explain(ended, job, instructions)
        return _settled(job, failure, folder, log) if failure.code == Code.TAG_IMMUTABLE else failure
    digest = driver.digest(solve.metadata)
    if not digest:
        raise BoatyardError(Code.INTERNAL, "BuildKit did not say which image it built")
    progress.enter(Phase.PUSH)
    from boatyard_buildkit.pushed import check_pushed

    return BuildOutput(digest, check_pushed(job, digest, folder))


def _prove(images: Collection[str], job: BuildJob, docker_config: Path) -> None:
    if images:
        from boatyard_buildkit.proven import prove_images

        prove_images(job, images, docker_config)


class _Runner(msgspec.Struct, frozen=True):
    """Runs solves one after the other, or side by side for several platforms."""

    driver: Driver
    environment: dict[str, str]
    access: BuilderAccess
    progress: ProgressFile
    log: LogFile
    quota: Quota

    def run(
        self,
        job: BuildJob,
        solve: Solve,
        check: Callable[[], None] = lambda: None,
        platform: str = "",
        segment: "Segment | None" = None,
    ) -> "tuple[Ended, Instructions]":
        """`check` is called regularly, and raises to end the solve. `platform` and `segment` are those of
        `Instructions`."""
        # 20 ms, for what BuildKit makes only.
        from boatyard_buildkit.follow import Follower
        from boatyard_buildkit.instructions import Instructions
        from boatyard_buildkit.shared_steps import MOST_SOLVES, disturbed
        from boatyard_buildkit.unreached import when_reached

        self.progress.enter(Phase.BUILD)
        instructions = Instructions(job, platform, segment)

        def once() -> "Ended":
            follower = Follower(instructions, self.log, self.progress)
            return _drive(solve, self.driver, self.environment, follower, self.progress, self.quota, check)

        for solves in range(1, MOST_SOLVES + 1):
            ended = when_reached(once, self.access.wait_seconds, self.progress, self.log)
            if solves == MOST_SOLVES or not disturbed(ended):
                break
            self.log.write("BuildKit ended this build together with another one that shared its steps; trying again")
            self.progress.enter(Phase.BUILD)
            time.sleep(_PAUSE_SECONDS)
        return ended, instructions


def _by_layers(
    job: BuildJob,
    work: Path,
    context: Path,
    secrets: SecretFiles,
    docker_config: Path,
    runner: _Runner,
    shared: Path | None,
) -> BuildOutput | Failure | None:
    """None if BuildKit has to make the whole image."""
    from boatyard_buildkit.layer_by_layer import SegmentFailed, build_by_layers
    from boatyard_layers.errors import NotExact

    def solve(
        part: BuildJob, segment: "Segment", place: Path, output: dict[str, str], check: Callable[[], None]
    ) -> str | Failure:
        given = _solve(part, place, context, secrets)
        given = msgspec.structs.replace(given, output=given.output | output)
        platform = segment.platform if len(job.platforms) > 1 else ""
        ended, instructions = runner.run(part, given, check, platform, segment)
        if ended.exit_code != 0:
            from boatyard_buildkit.explain import explain

            return explain(ended, part, instructions)
        if digest := runner.driver.digest(given.metadata):
            return digest
        raise BoatyardError(Code.INTERNAL, "BuildKit did not say which image it built")

    log = runner.log
    try:
        made = build_by_layers(
            job, work, context, secrets, docker_config, runner.progress, log, runner.quota, solve, shared
        )
    except NotExact as reason:
        from boatyard.platforms import check_runs

        for platform in job.platforms:
            check_runs(job, platform, f"{reason}; making the whole image")
        log.write(f"BuildKit makes the whole image: {reason}")
        return None
    except SegmentFailed as error:
        return error.failure
    except BoatyardError as error:
        if error.code != Code.TAG_IMMUTABLE:
            raise
        return _settled(job, failure_of(error), docker_config, log)
    return BuildOutput(made.digest, made.layers)


def _look(job: BuildJob, docker_config: Path) -> BuildOutput | None:
    from boatyard_buildkit.pushed import there_already

    found = there_already(job, docker_config)
    return BuildOutput(found.digest, found.layers) if found else None


def _settled(job: BuildJob, failure: Failure, docker_config: Path, log: LogFile) -> BuildOutput | Failure:
    """Checks whether a taken tag already has this image: from an attempt that was lost after its push, or from another
    project's build."""
    from boatyard_buildkit.pushed import refused_tag

    outcome = refused_tag(job, failure, docker_config)
    if isinstance(outcome, Failure):
        return outcome
    log.write(f"another build has pushed {job.target} in the meantime; its image is the result")
    return BuildOutput(outcome.digest, outcome.layers)


def _drive(
    solve: Solve,
    driver: Driver,
    environment: dict[str, str],
    follower: "Follower",
    progress: ProgressFile,
    quota: Quota,
    check: Callable[[], None],
) -> "Ended":
    from boatyard_buildkit.child import run_child
    from boatyard_buildkit.rawjson import RawJsonParser

    parser = RawJsonParser()

    def output(data: bytes) -> None:
        for event in parser.feed(data):
            follower.take(event)

    def tick() -> None:
        # Loaded while BuildKit works, instead of 50 ms after the push.
        import boatyard_buildkit.pushed  # noqa: F401

        progress.tick()
        quota.check()
        check()

    command = driver.command(solve)
    try:
        exit_code = run_child(command, environment=environment, folder=solve.context, output=output, tick=tick)
    except JobStopped as stop:
        stop.during, stop.log_tail = follower.running()
        raise
    except FileNotFoundError:
        raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"the builder has no {Path(command[0]).name} program") from None
    for event in parser.close():
        follower.take(event)
    return follower.end(exit_code)


def _solve(job: BuildJob, work: Path, context: Path, secrets: SecretFiles) -> Solve:
    dockerfile = work / "dockerfile"
    dockerfile.mkdir()
    data = job.dockerfile.encode(job.dockerfile_encoding)
    for name, content in (("Dockerfile", data), ("Dockerfile.dockerignore", _IGNORE_NOTHING.encode())):
        (dockerfile / name).write_bytes(content)
        stamp(dockerfile / name, content, job.realm.files)
    cache_from, cache_to = cache(job)
    return Solve(
        dockerfile_folder=dockerfile,
        context=context,
        contexts=_contexts(job),
        scope=scope(job),
        hosts=hosts(job),
        platforms=job.platforms,
        build_args=job.build_args,
        target_stage=job.target_stage,
        labels=job.labels,
        network=job.network.mode,
        secrets=_secrets(job, work, secrets),
        no_cache=job.force,
        cache_from=cache_from,
        cache_to=cache_to,
        provenance=job.output.provenance,
        sbom=job.output.sbom,
        output=registry_output(job),
        metadata=work / "metadata.json",
    )


def _contexts(job: BuildJob) -> dict[str, str]:
    """Mirrored base images, and `uv` for Dockerfiles that Boatyard wrote. In a user's Dockerfile that name may mean
    something else, and the plan lists what it pulls.
    """
    if not job.base_images:
        return {name: f"docker-image://{reference}" for name, reference in job.contexts.items()}
    contexts = named_contexts(job.base_images, job.registry_mirrors)
    uv = job.uv.directory or f"docker-image://{job.uv.image}"
    mirrored = named_contexts([job.uv.image], job.registry_mirrors) if not job.uv.directory else {}
    contexts["uv"] = next(iter(mirrored.values()), uv)
    return contexts


def _secrets(job: BuildJob, work: Path, secrets: SecretFiles) -> dict[str, Path]:
    folder = work / "secrets"
    folder.mkdir(mode=0o700)
    given = {secret.id: secrets.path(secret.name).absolute() for secret in job.secrets}
    network = job.network
    if network == Network(mode=network.mode):
        return given
    if network.ca_bundle:
        bundle = Path(network.ca_bundle)
        if not bundle.is_file():
            raise BoatyardError(Code.DATAPLANE_UNAVAILABLE, f"the settings' CA bundle {bundle} does not exist")
        given[CA_SECRET] = bundle
    files = ((NETWORK_SECRET, network_script(network)), (PIP_SECRET, pip_file(network)), (UV_SECRET, uv_file(network)))
    for name, content in files:
        if content:
            file = folder / name
            file.touch(mode=0o600)
            file.write_bytes(content)
            given[name] = file
    return given


def _environment() -> dict[str, str]:
    """The job's own environment, for workload identity, proxies and Docker, without variables that change a build."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_BUILD_VARIABLES)}
