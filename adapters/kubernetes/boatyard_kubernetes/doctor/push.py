"""A tiny image, built and pushed the way every build is: it proves the plan, the topology, the credentials."""

import hashlib
import time
import uuid
from collections.abc import Callable
from typing import Final

from boatyard.build import State, build_id
from boatyard.errors import BoatyardError
from boatyard.job import BuildJob
from boatyard.ports import JobRunner, Scope
from boatyard.settings import Settings
from boatyard_kubernetes.doctor.finding import Finding, failed, ok, unknown

_SECONDS: Final = 0.5


def check_push(
    runner: JobRunner,
    settings: Settings,
    scope: Scope,
    repository: str,
    *,
    check: str,
    wait_seconds: float = 300,
    pause: Callable[[float], None] = time.sleep,
) -> Finding:
    """Pushes `<repository>:boatyard-doctor`. `check` names the finding: registry push, cache push."""
    target = f"{repository}:boatyard-doctor"
    key = hashlib.sha256(f"{uuid.uuid4()} {target}".encode()).hexdigest()
    tag = key[:32]

    def make(attempt: int) -> BuildJob:
        return BuildJob(
            id=build_id(tag, attempt),
            key=key,
            attempt=attempt,
            project=scope.project,
            domain=scope.domain,
            target=target,
            platforms=settings.default_platforms[:1],
            dockerfile=f"FROM scratch\nENV BOATYARD_DOCTOR={key}\n",
            insecure_registries=settings.insecure_registries,
            timeout_seconds=int(wait_seconds),
        )

    try:
        asked = runner.ensure(make, tag, force=True).build
        end = time.monotonic() + wait_seconds
        while time.monotonic() < end:
            build = runner.status(asked.id)
            if build is None:
                return unknown(check, "the probe's Job was taken away")
            if build.state is State.SUCCEEDED:
                return ok(check, f"pushed {target}")
            if build.state.ended and build.error:
                return failed(check, f"{build.error.code}: {build.error.message}", build.error.advice)
            pause(_SECONDS)
        runner.cancel(asked.id)
    except BoatyardError as error:
        return failed(check, f"{error.code}: {error.detail}", error.meaning.advice)
    step = build.step.title if build and build.step else "the cluster gives no reason"
    return unknown(check, f"the probe did not end within {wait_seconds:g} s: {step}")
