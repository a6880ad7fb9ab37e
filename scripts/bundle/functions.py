"""Fills the folders of the functions' bundles."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bytecode import compile_all
from contents import CloudContents, Function
from reach import keep_reached
from stage import copy, lay_out, merge, prune
from vendored import wrap
from wheels import install, names
from workspace import package


class Making(NamedTuple):
    contents: CloudContents
    function: Function
    python: str
    interpreter: Path | None
    """Makes the byte code, if the platform does not."""
    architecture: str
    with_sdk: bool

    def first(self, place: Path) -> Path:
        """What every function needs."""
        stage = place / "stage"
        stage.mkdir(parents=True)
        self._install(stage, self.contents.function_lock, self.function.unneeded)
        self._complete(stage, self.contents.function_distributions, self.function.unused)
        return stage

    def second(self, place: Path, first: Path) -> Path:
        """The first one, and what a build's job needs beside it."""
        added = place / "added"
        added.mkdir(parents=True)
        pinned = self.contents.job_lock
        self._install(added, pinned, names(self.contents.function_lock) & names(pinned))
        there = set(self.contents.function_distributions)
        self._complete(added, [each for each in self.contents.job_distributions if each not in there], ())
        stage = place / "stage"
        shutil.copytree(first, stage)
        merge(stage, added)
        return stage

    def finished(self, stage: Path) -> Path:
        """The folder of the archive, in the form that the platform takes."""
        if self.function.app:
            return lay_out(stage, self.contents.folder, self.function.app)
        if self.function.source:
            source = stage.with_name("source")
            wrap(stage, source, self.function.source, python=self.python, architecture=self.architecture)
            return source
        return stage

    def _install(self, stage: Path, pinned: Path, without: frozenset[str]) -> None:
        given = frozenset[str]() if self.with_sdk else self.function.given
        install(stage, pinned, architecture=self.architecture, python=self.python, given=given | without)

    def _complete(self, stage: Path, distributions: Sequence[Path], unused: Sequence[str]) -> None:
        for folder in distributions:
            copy(package(folder), stage / package(folder).name)
        prune(stage, unused)
        keep_reached(stage, self.function.generated)
        if self.function.root and self.interpreter:
            compile_all(stage, root=self.function.root, interpreter=self.interpreter)
