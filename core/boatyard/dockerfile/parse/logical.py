"""Splits a file's text into instructions: joins continued lines, drops comments, collects heredocs."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from boatyard.dockerfile.parse.blanks import SEPARATOR, SPACE, is_space
from boatyard.dockerfile.parse.directives import directives
from boatyard.dockerfile.parse.instruction import Flag, Heredoc, Instruction
from boatyard.dockerfile.parse.refusal import unreadable
from boatyard.dockerfile.parse.words import Lexer, WordError

LONGEST_LINE: Final = 65_535
"""Largest line in bytes including its end, as in BuildKit's scanner (bufio.MaxScanTokenSize)."""

MOST_INSTRUCTIONS: Final = 5_000
"""Far more than any real file has: an image has at most 127 layers."""
MOST_FLAGS: Final = 200

_HEREDOC: Final = re.compile(r"(\d*)<<(-?)[\t\n\f\r ]*([^<]*)\Z")
_WITH_HEREDOCS: Final = frozenset({"ADD", "COPY", "RUN"})
_EXEC_FORMS: Final = frozenset({"ADD", "COPY", "RUN", "CMD", "ENTRYPOINT", "SHELL", "VOLUME"})
_DEEPEST: Final = 4
"""Largest nesting of ONBUILD. BuildKit refuses any nesting later; this only bounds the recursion."""


def instructions(text: str) -> tuple[str, list[Instruction]]:
    """The escape character and all instructions, including unknown ones. Raises INVALID_DOCKERFILE."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE // 4 and len(line.encode("utf-8", "surrogateescape")) >= LONGEST_LINE:
            raise unreadable(number, f"is longer than the {LONGEST_LINE:,} bytes that BuildKit reads")
    escape = "\\"
    for directive in directives(lines):
        if directive.name == "escape":
            escape = directive.value
            if escape not in ("\\", "`"):
                raise unreadable(directive.line, f"invalid escape token '{escape}' does not match ` or \\")
    found: list[Instruction] = []
    for instruction in _Reader(lines, escape).read():
        found.append(instruction)
        if len(found) > MOST_INSTRUCTIONS:
            raise unreadable(instruction.line, f"is instruction {len(found):,}; at most {MOST_INSTRUCTIONS:,} are read")
    return escape, found


class _Reader:
    def __init__(self, lines: list[str], escape: str) -> None:
        self._lines = lines
        self._escape = escape
        self._at = 0
        self._offset = 0

    def read(self) -> Iterator[Instruction]:
        while self._at < len(self._lines):
            begin, line = self._take()
            number = self._at
            body = line.rstrip("\r").lstrip(SPACE)
            begin += len(line) - len(line.lstrip(SPACE))
            if body.startswith("#"):
                continue
            body, more = self._continued(body)
            if not more and not body:
                continue
            parts = [body]
            pieces = [(0, begin)]
            size = len(body)
            while more and self._at < len(self._lines):
                begin, line = self._take()
                body = line.rstrip("\r")
                if body.lstrip(SPACE).startswith("#") or not body.strip(SPACE):
                    continue
                body, more = self._continued(body)
                if body:
                    parts.append(body)
                    pieces.append((size, begin))
                    size += len(body)
            yield self._instruction("".join(parts), tuple(pieces), number)

    def _take(self) -> tuple[int, str]:
        begin, line = self._offset, self._lines[self._at]
        self._at += 1
        self._offset += len(line) + 1
        return begin, line

    def _continued(self, line: str) -> tuple[str, bool]:
        """The line without a final escape character, and whether it had one."""
        bare = line.rstrip(" \t")
        if bare.endswith(self._escape) and not bare[:-1].endswith(self._escape):
            return bare[:-1], True
        return line, False

    def _instruction(self, logical: str, pieces: tuple[tuple[int, int], ...], number: int) -> Instruction:
        made = _split(logical, 0, pieces, number, self._escape)
        last = self._at
        form = made.inner if made.keyword == "ONBUILD" and made.inner else made
        if form.keyword in _WITH_HEREDOCS and form.json is None and "<<" in logical:
            heredocs = tuple(self._heredoc(opening, number) for opening in _openings(logical, number))
            made = msgspec.structs.replace(made, heredocs=heredocs)
            last = self._at
        return msgspec.structs.replace(made, last_line=last)

    def _heredoc(self, opening: Heredoc, number: int) -> Heredoc:
        content: list[str] = []
        while self._at < len(self._lines):
            _, line = self._take()
            end = line.rstrip("\r")
            if (end.lstrip("\t") if opening.chomp else end) == opening.name:
                return msgspec.structs.replace(opening, content="".join(content))
            content.append(line + "\n")
        raise unreadable(number, f"unterminated heredoc {opening.name}")


def _split(
    logical: str, begin: int, pieces: tuple[tuple[int, int], ...], number: int, escape: str, deep: int = 0
) -> Instruction:
    """The instruction that starts at `begin` of a logical line."""
    begin += len(logical[begin:]) - len(logical[begin:].lstrip(SPACE))
    end = len(logical.rstrip(SPACE))
    blank = SEPARATOR.search(logical, begin, end)
    behind = blank.start() if blank else end
    keyword = logical[begin:behind].upper()
    flags, at = _flags(logical, blank.end(), end, escape) if blank else ((), end)
    if len(flags) > MOST_FLAGS:
        raise unreadable(number, f"has {len(flags):,} flags; at most {MOST_FLAGS} are read")
    arguments = logical[at:end].strip(SPACE)
    inner = None
    if keyword == "ONBUILD" and arguments and deep < _DEEPEST:
        inner = _split(logical, at, pieces, number, escape, deep + 1)
    return Instruction(
        keyword=keyword,
        line=number,
        last_line=number,
        logical=logical,
        pieces=pieces,
        behind_keyword=behind,
        flags=flags,
        arguments=arguments,
        json=_json(arguments, number) if keyword in _EXEC_FORMS else None,
        inner=inner,
    )


def _flags(text: str, at: int, end: int, escape: str) -> tuple[tuple[Flag, ...], int]:
    """The leading words that start with `--`, and the position after them."""
    flags: list[Flag] = []
    while True:
        while at < end and is_space(text[at]):
            at += 1
        if not text.startswith("--", at, end):
            return tuple(flags), at
        begin = at
        word: list[str] = []
        quote = ""
        while at < end:
            character = text[at]
            if not quote and is_space(character):
                break
            at += 1
            if quote:
                if character == quote:
                    quote = ""
                    continue
            elif character in "'\"":
                quote = character
                continue
            if character == escape:
                if at == end:
                    break
                character = text[at]
                at += 1
            word.append(character)
        if (read := "".join(word)) == "--":
            return tuple(flags), at
        name, equals, value = read[2:].partition("=")
        flags.append(Flag(name, value if equals else None, begin, at))


def _json(arguments: str, number: int) -> tuple[str, ...] | None:
    if not arguments.startswith("["):
        return None
    try:
        words = msgspec.json.decode(arguments.encode("utf-8", "replace"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not all(isinstance(word, str) for word in words):
        raise unreadable(number, "when using JSON array syntax, arrays must be comprised of strings only")
    return tuple(words)


def _openings(logical: str, number: int) -> Iterator[Heredoc]:
    try:
        words = Lexer({}, raw_quotes=True, raw_escapes=True, partly=True).words(logical)
    except WordError:
        return
    for word in words:
        if opening := heredoc(word, number):
            yield opening


def heredoc(word: str, number: int) -> Heredoc | None:
    """The heredoc that a word such as `<<-"EOF"` opens."""
    found = _HEREDOC.match(word)
    if not found or not found[3]:
        return None
    try:
        plain = Lexer({}, partly=True).words(found[3])
        raw = Lexer({}, partly=True, raw_quotes=True).words(found[3])
    except WordError as error:
        raise unreadable(number, str(error)) from None
    if len(plain) != 1:
        return None
    quotes = [sum(text.count(quote) for quote in "'\"") for text in (plain[0], raw[0] if raw else "")]
    return Heredoc(plain[0], "", expand=quotes[0] == quotes[1], chomp=found[2] == "-")
