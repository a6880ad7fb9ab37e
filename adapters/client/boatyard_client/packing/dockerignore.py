"""Implements `.dockerignore` as in BuildKit.

The rules are those of moby/patternmatcher (patternmatcher.go, ignorefile/ignorefile.go), which BuildKit uses.
docker-py's matcher is older: it ignores case, always keeps the `.dockerignore` itself, and an exception below a `**`
also includes its neighbours.
"""

import posixpath
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from boatyard_client.errors import ContextError

_NAME: Final = ".dockerignore"
_WILD: Final = re.compile(r"[*?\[\\]")


class IgnorePattern(NamedTuple):
    text: str
    """Cleaned: without `!` and without leading or trailing slash."""
    exception: bool
    """Written with `!`: includes paths that an earlier pattern excludes."""
    match: Callable[[str], re.Match[str] | None]
    regex: str
    line: int
    """Of the file, counted from 1."""
    written: str


class Match(NamedTuple):
    """Whether a path is excluded, and which patterns match it or a folder above it."""

    ignored: bool
    fits: tuple[bool, ...]


class DockerIgnore:
    """Decides which paths (forward slashes, below the context) are excluded. The last matching pattern decides."""

    def __init__(self, lines: Iterable[str], *, name: str = _NAME) -> None:
        self.name = name
        self.patterns: list[IgnorePattern] = []
        for number, line in enumerate(lines, 1):
            text = line.removeprefix("\ufeff") if number == 1 else line
            if not text.startswith("#") and text.strip():
                self._add(text.strip(), number)
        self._folders: dict[str, Match] = {"": Match(False, (False,) * len(self.patterns))}
        self._any = re.compile("|".join(f"(?:{pattern.regex})" for pattern in self.patterns), re.DOTALL).fullmatch

    @classmethod
    def read(cls, path: Path) -> "DockerIgnore":
        try:
            return cls(path.read_text("utf-8").split("\n"), name=str(path))
        except (OSError, UnicodeDecodeError) as error:
            reason = (error.strerror or "").lower() if isinstance(error, OSError) else "it is not UTF-8"
            raise ContextError(f"{path} cannot be read: {reason}") from None

    @classmethod
    def of_context(cls, context: Path, dockerfile: Path | None = None) -> "DockerIgnore | None":
        """`<Dockerfile>.dockerignore` beside the Dockerfile, else the one in the context's root, else None."""
        own = dockerfile.with_name(dockerfile.name + _NAME) if dockerfile else None
        for path in (own, context / _NAME):
            if path is not None and path.is_file():
                return cls.read(path)
        return None

    def __call__(self, path: str, /) -> bool:
        """Whether the path, or a folder above it, is excluded."""
        return self._match(path).ignored

    def deciding(self, path: str, /) -> IgnorePattern | None:
        """The pattern that excludes the path; None for an included path."""
        found = self._match(path)
        if not found.ignored:
            return None
        return [pattern for pattern, fits in zip(self.patterns, found.fits, strict=True) if fits][-1]

    def _match(self, path: str) -> Match:
        """A pattern that cannot change the result at that point is not evaluated, and counts as not matching for the
        paths below too. This is moby's MatchesUsingParentResults exactly: with `b/d/**` and `!b/d`, everything in b/d
        stays excluded."""
        parent = path.rpartition("/")[0]
        above = self._folders.get(parent)
        if above is None:
            above = self._folders[parent] = self._match(parent)
        if not self._any(path):
            return above  # same as its folder: nearly every path of a large context
        ignored = False
        fits: list[bool] = []
        for pattern, fitted in zip(self.patterns, above.fits, strict=True):
            fit = fitted or (pattern.exception is ignored and pattern.match(path) is not None)
            fits.append(fit)
            if fit:
                ignored = not pattern.exception
        return Match(ignored, tuple(fits))

    def may_keep_below(self, folder: str, /) -> bool:
        """Whether an exception may include something below an excluded folder."""
        return any(
            pattern.exception and (_is_wild(pattern.text) or pattern.text.startswith(folder + "/"))
            for pattern in self.patterns
        )

    def below(self, folder: str) -> "BelowFolder":
        """The same rules for paths relative to a folder of the context."""
        return BelowFolder(self, folder)

    def _add(self, text: str, line: int) -> None:
        place = f"{self.name}, line {line}"
        exception = text.startswith("!")
        cleaned = _clean(text[1:].strip() if exception else text)
        if exception and not text[1:].strip():
            raise ContextError(f"{place}: a lone ! means nothing")
        try:
            regex = _regex(cleaned)
            self.patterns.append(
                IgnorePattern(cleaned, exception, re.compile(regex, re.DOTALL).fullmatch, regex, line, text)
            )
        except re.error:
            raise ContextError(f"{place}: {text!r} is not a pattern") from None


class BelowFolder:
    """A context's rules, relative to one of its folders."""

    def __init__(self, ignore: DockerIgnore, folder: str) -> None:
        self._ignore = ignore
        self._folder = folder

    def __call__(self, path: str, /) -> bool:
        return self._ignore(f"{self._folder}/{path}")

    def may_keep_below(self, folder: str, /) -> bool:
        return self._ignore.may_keep_below(f"{self._folder}/{folder}")


def _clean(text: str) -> str:
    """Go's filepath.Clean, without the leading slash."""
    cleaned = posixpath.normpath(text)
    return cleaned.lstrip("/") or "/"


def _is_wild(text: str) -> bool:
    """Whether a pattern has wildcards before a trailing `/*` or `/**`."""
    return _WILD.search(text.removesuffix("/**").removesuffix("/*")) is not None


def path_pattern(text: str) -> str:
    """Converts a pattern of Go's filepath.Match, with .dockerignore's `**`, to a regular expression."""
    return _regex(text)


def _regex(text: str) -> str:
    if text.startswith("**") and not _WILD.search(text[2:]):
        # As in moby, `**name` means "ends with", while `**/name` also matches the name itself.
        suffix = text[2:]
        return f".*{re.escape(suffix)}|{re.escape(suffix.removeprefix('/'))}"
    out: list[str] = []
    position = 0
    while position < len(text):
        rest = text[position:]
        if rest.startswith("**"):
            position += 3 if rest.startswith("**/") else 2
            out.append("(.*/)?" if position < len(text) else ".*")
        elif rest[0] == "*":
            out.append("[^/]*")
            position += 1
        elif rest[0] == "?":
            out.append("[^/]")
            position += 1
        elif rest[0] == "[":
            group, length = _group(rest)
            out.append(group)
            position += length
        elif rest[0] == "\\" and len(rest) > 1:
            # As in moby, where `\\d` becomes a regular expression's `\d`.
            out.append(rest[:2] if rest[1].isalnum() else re.escape(rest[1]))
            position += 2
        else:
            out.append(re.escape(rest[0]))
            position += 1
    return "".join(out)


def _group(rest: str) -> tuple[str, int]:
    """Converts `[a-z]` or `[^a-z]` of Go's filepath.Match to a regular expression, and returns its length in the
    text."""
    negated = rest.startswith("[^")
    position = 2 if negated else 1
    out: list[str] = []
    while not (out and rest.startswith("]", position)):
        first, position = _character(rest, position)
        last = first
        if rest.startswith("-", position):
            last, position = _character(rest, position + 1)
        out.append(f"{re.escape(first)}-{re.escape(last)}")
    return f"[{'^' if negated else ''}{''.join(out)}]", position + 1


def _character(rest: str, position: int) -> tuple[str, int]:
    """Reads one end of a range; `-` and `]` need a backslash."""
    if rest.startswith("\\", position):
        position += 1
    elif rest[position : position + 1] in ("-", "]"):
        raise re.error("misplaced character in a group")
    if position >= len(rest):
        raise re.error("unterminated group")
    return rest[position], position + 1
