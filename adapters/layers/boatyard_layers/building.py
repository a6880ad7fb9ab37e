"""What the maker of an image gets from the job that runs it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from boatyard.build import Phase, Step
from boatyard.reference import Reference
from boatyard_layers.builder_cache import BuilderCache
from boatyard_registry.client import RegistryClient


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Instructions of a job's Dockerfile that follow each other and that BuildKit runs, for one platform."""

    platform: str
    base: Reference
    """By digest: what the instructions start from."""
    first_line: int
    last_line: int
    first_step: int
    """Of the image's steps, counted from 1; the opening is the first one."""
    total_steps: int
    """Of the whole image."""
    target: str
    """Where BuildKit pushes the result. Nobody looks for this tag: the makers give the result its own."""
    annotations: dict[str, str]
    """Of the pushed manifest, so that it can be removed when it is old."""
    name: str
    """Unique in the job, and valid for a folder."""


class RunSegment(Protocol):
    def __call__(self, segment: Segment) -> str:
        """Runs a segment and returns the digest of the pushed manifest. Raises what ends the job, and NotExact if
        BuildKit cannot start from the base."""
        ...


class Report(Protocol):
    """Thread-safe."""

    def log(self, text: str) -> None: ...

    def step(self, step: Step) -> None: ...

    def phase(self, phase: Phase) -> None: ...


class Building(msgspec.Struct, frozen=True, kw_only=True):
    context: Path
    """The unpacked context."""
    work: Path
    """An existing folder for files of this build."""
    cache: BuilderCache
    client: RegistryClient
    """Signs in as the job does."""
    report: Report
    run_segment: RunSegment | None
    """None where there is no BuildKit."""
    secret: Callable[[str], str]
    """The value of a build secret, by its name."""
    resolved_only: int = -1
    """The number of a step of which only the versions are wanted: nothing is installed, and no step follows."""
    check: Callable[[], None] = lambda: None
    """Raises if the job has used up its disk."""
