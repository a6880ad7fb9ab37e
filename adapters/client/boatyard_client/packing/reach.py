"""Determines which paths of a folder a Dockerfile can copy: only those are packed, and only those affect the key."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from boatyard.dockerfile.parse import Dockerfile, context_sources, decode, frontend, graph, parse, reached
from boatyard.links import follow
from boatyard.spec import ImageSpec
from boatyard_client.errors import MissingFileError
from boatyard_client.packing.dockerignore import DockerIgnore, path_pattern
from boatyard_client.packing.scan import Ignore, shown

_PLATFORMS: Final = ("linux/amd64", "linux/arm64")
"""The platforms that a deployment may use for a spec without any; files that any of them copies are packed."""


class Reach:
    """The paths of a folder (relative, forward slashes) that the patterns of COPY, ADD and bind mounts match.

    Links are followed as in BuildKit: the folder is their root. The result may contain more than what is copied, and
    never less.
    """

    def __init__(self, folder: Path, patterns: Iterable[str]) -> None:
        self._folder = folder
        self._whole: set[str] = set()
        self._passed: set[str] = set()
        for pattern in patterns:
            for path in self._named(pattern):
                self._whole.add(self.resolved(path))

    @property
    def everything(self) -> bool:
        return "." in self._whole

    def has_all_of(self, path: str) -> bool:
        """Whether it includes the file, or the folder with everything below."""
        return path in self._whole

    def passes(self, path: str) -> bool:
        """Whether the path is a link that leads to an included path, or a folder above one."""
        return path in self._passed

    def _named(self, pattern: str) -> Iterator[str]:
        """The paths that a pattern matches. Wildcards in folder names include the whole folder around them."""
        parts = pattern.split("/")
        wild = next((number for number, part in enumerate(parts) if _is_wild(part)), None)
        if wild is None:
            yield pattern
            return
        around = "/".join(parts[:wild])
        if wild < len(parts) - 1 or "**" in parts[wild]:
            yield around or "."
            return
        found = self.resolved(around) if around else "."
        try:
            fits = re.compile(path_pattern(parts[wild]), re.DOTALL).fullmatch
            names = [path.name for path in (self._folder / found).iterdir()]
        except (OSError, re.error):
            return
        yield from (name if found == "." else f"{found}/{name}" for name in names if fits(name))

    def resolved(self, path: str) -> str:
        """The target of a path, whether it exists or not."""
        way = follow(path, self._link)
        self._passed.update(way.passed)
        return way.end

    def _link(self, path: str) -> str | None:
        try:
            found = self._folder / path
            return os.readlink(found) if stat.S_ISLNK(found.lstat().st_mode) else None  # noqa: PTH115 - its text
        except OSError:
            return None


def reach_of(spec: ImageSpec, folder: Path, ignore: Ignore | None) -> Reach | None:
    """Returns None if the whole folder may be copied, or if the paths cannot be determined.

    Raises MissingFileError for a copied path that is missing or ignored, and INVALID_DOCKERFILE.
    """
    text = decode(spec.dockerfile, spec.dockerfile_encoding)
    asked = frontend(text, spec.build_args)
    if asked is not None and not asked.is_dockers:
        return None
    dockerfile = parse(text)
    if _has_triggers(dockerfile):
        return None
    platforms = spec.platform or _PLATFORMS
    patterns = reached(dockerfile, spec.target_stage, spec.build_args, platforms)
    if patterns is None:
        return None
    reach = Reach(folder, patterns)
    _check_there(dockerfile, spec, platforms[0], folder, ignore, reach)
    return None if reach.everything else reach


def _has_triggers(dockerfile: Dockerfile) -> bool:
    """Whether a stage may run an earlier stage's ONBUILD instructions."""
    return len(dockerfile.stages) > 1 and any(
        instruction.keyword == "ONBUILD" for stage in dockerfile.stages for instruction in stage.body
    )


def _check_there(
    dockerfile: Dockerfile, spec: ImageSpec, platform: str, folder: Path, ignore: Ignore | None, reach: Reach
) -> None:
    """Reports missing files early: BuildKit would only report them after pulling the base, and without the
    .dockerignore's line."""
    seen = graph(dockerfile, spec.build_args, platform=platform, target=spec.target_stage)
    for instruction, path in context_sources(seen, spec.build_args):
        if path == "." or _is_wild(path):
            continue
        found = reach.resolved(path)
        where = f"line {instruction.line} of the Dockerfile: {instruction.keyword} needs {path!r}"
        if isinstance(ignore, DockerIgnore) and found != "." and (pattern := ignore.deciding(found)):
            if not ((folder / found).is_dir() and ignore.may_keep_below(found)):
                raise MissingFileError(
                    f"{where}, which {shown(ignore.name)} leaves out by {pattern.written!r} (line {pattern.line})",
                    advice=f"Change that line, or add !{path} below it.",
                )
        elif found != "." and not os.path.lexists(folder / found):
            raise MissingFileError(
                f"{where}, which is not in {shown(folder)}",
                advice="Check the path: it is relative to the context, not to the Dockerfile.",
            )


def _is_wild(text: str) -> bool:
    """Distinguishes patterns from paths as in BuildKit: a backslash escapes the next character."""
    return re.search(r"[*?\[]", re.sub(r"\\.", "", text, flags=re.DOTALL)) is not None
