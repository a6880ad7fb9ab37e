"""Builds and pushes a small image like any other, to test the plan, the topology, the base, a RUN step and the
credentials."""

import contextlib
import re
import sys
import time
import uuid
from collections.abc import Callable
from typing import Final

import msgspec
from lightkube.resources.batch_v1 import Job

from boatyard.build import Build, Failure, State
from boatyard.errors import BoatyardError, Code
from boatyard.finding import Finding, fail, ok, unknown, warn
from boatyard.job import BuildJob
from boatyard.order import Order
from boatyard.plan import make_plan
from boatyard.planned_job import make_job
from boatyard.ports import JobRunner, Scope
from boatyard.realm import UNKNOWN
from boatyard.settings import Settings
from boatyard.spec import Commands, Env, ImageSpec
from boatyard.target import Target
from boatyard_kubernetes.cluster import Cluster
from boatyard_kubernetes.names import job_name, namespace_of
from boatyard_kubernetes.refusals import Absent

IMAGES: Final = "registry push"
CACHE: Final = "cache push"
NAME: Final = "boatyard-doctor"
_ATTEMPT: Final = 1
"""A value that no earlier build had."""
_SECONDS: Final = 1.0
_OF_BASE: Final = (Code.BASE_IMAGE_NOT_FOUND, Code.BASE_IMAGE_DENIED, Code.REGISTRY_UNAVAILABLE)
_OTHER_BASE: Final = (
    "Name a base that has the wanted Python, such as python:3.12-slim, or a virtual environment of its own, such as "
    "ghcr.io/flyteorg/flyte: --base-image. Others are opened by BuildKit, once."
)


def small_job(settings: Settings, scope: Scope, base_image: str, *, timeout_seconds: float = 60) -> BuildJob:
    """A job for an image like a user's: a real base, uv and its virtual environment, and one command. It is planned
    like any other, with a new key; the steps before the command are cached if builds have a cache. Without BuildKit
    there are no commands, so it sets a variable.

    Raises the errors of a plan: FORBIDDEN, INVALID_SPEC.
    """
    new = uuid.uuid4().hex
    command = Commands(cmd=(f"echo boatyard-doctor {new}",))
    variable = Env(env_variables={"BOATYARD_DOCTOR": new})
    spec = ImageSpec(
        base_image=base_image,
        python_version=_python(base_image),
        layers=(variable if settings.cluster_lacks_buildkit else command,),
        platform=settings.default_platforms[:1],
    )
    order = Order(spec=spec, scope=scope, target=Target(name=NAME))
    known = settings if settings.default_repository else msgspec.structs.replace(settings, default_repository=NAME)
    job = make_job(order, make_plan(order, known, UNKNOWN), settings, attempt=_ATTEMPT, context_url="")
    return msgspec.structs.replace(job, cache_repository="", timeout_seconds=max(int(timeout_seconds), 1))


def _python(base_image: str) -> str:
    """The version of a Python image; for another base, that of this Python, which uv then looks for."""
    found = re.search(r"python:(3\.[0-9]+)", base_image)
    return found[1] if found else f"{sys.version_info.major}.{sys.version_info.minor}"


def check_push(
    cluster: Cluster,
    runner: JobRunner,
    settings: Settings,
    job: BuildJob,
    *,
    check: str,
    wait_seconds: float,
    waiting: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> Finding:
    """Builds and pushes `job`, and deletes its Job. The image stays, because builders may not delete."""
    namespace = namespace_of(settings.kubernetes, Scope(job.project, job.domain))
    build: Build | None = None
    begun = time.monotonic()
    try:
        build = runner.ensure(lambda _: job, job.build_tag, force=True).build
        while time.monotonic() - begun < wait_seconds:
            build = runner.status(job.id)
            if build is None:
                return unknown(check, "the probe's Job was taken away")
            if build.state is State.SUCCEEDED:
                return ok(check, f"pushed {job.target}")
            if build.error and build.error.code == Code.UNSUPPORTED and settings.cluster_lacks_buildkit:
                return unknown(check, f"not tried: {build.error.message}", _OTHER_BASE)
            if build.state.ended and build.error:
                return fail(check, f"{build.error.code}: {build.error.message}", _advice(build.error))
            waiting(f"{check}: {_where(build)}")
            pause(_SECONDS)
    except BoatyardError as error:
        return fail(check, f"{error.code}: {error.detail}", error.meaning.advice)
    finally:
        with contextlib.suppress(Absent, BoatyardError):
            cluster.delete(Job, job_name(job.id), namespace)
    return unknown(
        check,
        f"not pushed within {wait_seconds:g} s: {_where(build) if build else 'no reason given'}",
        "Increase --wait, or fix what that line names.",
    )


def _advice(error: Failure) -> str:
    if error.code in _OF_BASE:
        return f"{error.advice} Or name a base that builds here use: --base-image."
    return error.advice


def check_cache(finding: Finding) -> Finding:
    """The finding about a push to the cache's repository: a build without a cache is slow, but not a failure."""
    if finding.status != "fail":
        return finding
    return warn(CACHE, f"{finding.detail} (builds work without, and are slower)", finding.advice)


def for_cache(job: BuildJob, repository: str) -> BuildJob:
    """The same job for the cache's repository, under a tag that is overwritten each time, like cache tags."""
    return msgspec.structs.replace(job, target=f"{repository}:{NAME}")


def _where(build: Build) -> str:
    if build.step:
        return build.step.title
    return f"{build.phase.value.lower().replace('_', ' ')}" if build.phase else build.state.value.lower()
