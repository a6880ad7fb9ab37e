"""Quotes values of a spec for each place of a Dockerfile.

The rules are those of BuildKit's frontend: the line parser (frontend/dockerfile/parser) joins lines,
finds heredocs and takes flags; the word expander (frontend/dockerfile/shell) then handles quotes,
backslashes and `$NAME`; COPY's sources are also Go path patterns. After all of these steps, a value that was
quoted by the function for its place is unchanged.
"""

import json
import re
import shlex
from collections.abc import Collection, Iterable

from boatyard.errors import invalid

_REFERENCE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")

_EXPANDABLE = re.compile(rf'\\\$|{_REFERENCE.pattern}|[\\"$\n]')
_LITERAL = str.maketrans({character: f"\\{character}" for character in "\\\"'$"})
_ESCAPED = str.maketrans({character: f"\\{character}" for character in "*?[]\\"})
_PATTERN = re.compile(r"[*?\[\]\\]")
_PLAIN = re.compile(r"[A-Za-z0-9]")

NEWLINE_ARG = "_BOATYARD_NEWLINE"
"""A build argument with one line feed as its value: the only way to get one into ENV. No spec may name it."""


def json_array(words: Iterable[str]) -> str:
    """The exec form of an instruction, on one line. `<` is escaped so that no word looks like a heredoc."""
    return json.dumps(list(words), ensure_ascii=True).replace("<", "\\u003c")


def literal(value: str) -> str:
    """A value as one word that expands to itself."""
    return value.translate(_LITERAL)


def not_ours(name: str) -> str:
    """The name of a variable. Raises INVALID_SPEC for the reserved one that contains the line end."""
    if name == NEWLINE_ARG:
        raise invalid(f"{NEWLINE_ARG} is Boatyard's own, and cannot be set or referred to; rename the variable")
    return name


def expandable(value: str) -> str:
    """The value of ENV or WORKDIR, in double quotes.

    `$NAME` and `${NAME}` expand to earlier variables, as in flyte's own Docker builder; `\\$` is a dollar
    sign. Everything else, quotes, spaces, backslashes and line ends included, is literal.
    """
    if "\r" in value:
        raise invalid("holds a carriage return, which a Dockerfile cannot carry")
    return '"' + _EXPANDABLE.sub(_expanded, value) + '"'


def _expanded(found: re.Match[str]) -> str:
    if name := found[1] or found[2]:
        return "${" + not_ours(name) + "}"
    match found[0]:
        case "\\$":
            return "\\$"
        case "\n":
            return "${" + NEWLINE_ARG + "}"
        case special:
            return "\\" + special


def references(value: str) -> set[str]:
    """The variables that a value of ENV or WORKDIR refers to, as `expandable` reads it."""
    plain = value.replace("\\$", "")
    return {found[1] or found[2] for found in _REFERENCE.finditer(plain)}


def copy_source(path: str) -> str:
    """A path as COPY's source, quoted so that it matches only itself and contains no variable.

    The filter that selects files for the transfer (moby/patternmatcher) strips trailing white space and does not
    support `[*]` for `*`, and COPY only removes backslashes from patterns. So a name with `*?[` is escaped with
    backslashes, and turned into a pattern by writing one plain character, or trailing white space, as a class.
    """
    if path[-1].isspace():
        at = len(path) - 1
    elif _PATTERN.search(path):
        if (plain := _PLAIN.search(path)) is None:
            raise invalid(f"{path!r} cannot be copied by that name: it has neither a letter nor a digit")
        at = plain.start()
    else:
        return literal(path)
    before, after = (part.translate(_ESCAPED) for part in (path[:at], path[at + 1 :]))
    return literal(f"{before}[{path[at]}]{after}")


def mount_source(path: str, *, field: str) -> str:
    """A path inside `--mount`. The mount syntax is CSV with variables, so only plain names are allowed."""
    if not re.fullmatch(r"[A-Za-z0-9._/@+-]+", path):
        raise invalid(f"{path!r}: a mounted path may hold letters, digits and . _ / @ + - only", field=field)
    return path


def shell_word(value: str, expand: Collection[str] = ()) -> str:
    """A value as one word of /bin/sh. `$NAME` and `${NAME}` stay variables for the names in `expand`."""
    if not expand:
        return shlex.quote(value)
    parts: list[str] = []
    position = 0
    for found in _REFERENCE.finditer(value):
        name = found[1] or found[2]
        if name not in expand:
            continue
        if found.start() > position:
            parts.append(shlex.quote(value[position : found.start()]))
        parts.append(f'"${{{name}}}"')
        position = found.end()
    if position < len(value) or not parts:
        parts.append(shlex.quote(value[position:]))
    return "".join(parts)


def shell_words(text: str, expand: Collection[str] = (), *, field: str) -> list[str]:
    """Splits extra arguments like a shell and quotes each word, so that no part of them is executed."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise invalid(f"{text!r} cannot be split into arguments: {error}", field=field) from None
    return [shell_word(word, expand) for word in words]
