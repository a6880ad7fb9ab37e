"""Expands words: quotes, escapes and `$NAME`, like BuildKit's shell lexer (frontend/dockerfile/shell/lex.go)."""

import re
from typing import Final, Protocol

from boatyard.dockerfile.parse import patterns
from boatyard.dockerfile.parse.blanks import is_space

_SPECIAL: Final = frozenset("@*#?-$!0")
_DEEPEST: Final = 100
LONGEST: Final = 65_536
"""Longest expanded word in characters. Without it, a few lines of `ARG B=$A$A` would fill any memory."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.,:;=+@%^&|!?*()\[\]-]+")
"""Characters that are always literal in a word, except a `}` or `/` that ends it."""


class WordError(Exception):
    """BuildKit would refuse the word. The message says why without quoting a value."""


class Unknown(Exception):
    """The word refers to a variable with an unknown value."""


class Lookup(Protocol):
    def get(self, name: str, /) -> str | None: ...


class Lexer:
    """Expands one word or line. `partly`: unset variables stay as written."""

    def __init__(
        self,
        variables: Lookup,
        *,
        escape: str = "\\",
        raw_quotes: bool = False,
        raw_escapes: bool = False,
        partly: bool = False,
    ) -> None:
        self._variables = variables
        self._escape = escape
        self._raw_quotes = raw_quotes
        self._raw_escapes = raw_escapes
        self._partly = partly
        self._text = ""
        self._at = 0
        self._deep = 0

    def word(self, text: str) -> str:
        """Expands quotes, escapes and variables in the text. Raises WordError."""
        return self._process(text, None)

    def words(self, text: str) -> list[str]:
        """Expands the text and splits it at unquoted white space. Raises WordError."""
        words = _Words()
        self._process(text, words)
        return words.close()

    def _process(self, text: str, words: "_Words | None") -> str:
        self._text, self._at, self._deep = text, 0, 0
        return self._until("", self._raw_escapes, words)

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _next(self) -> str:
        character = self._peek()
        self._at += 1
        return character

    def _until(self, stop: str, raw_escapes: bool, words: "_Words | None" = None) -> str:
        before, self._raw_escapes = self._raw_escapes, raw_escapes
        self._deep += 1
        if self._deep > _DEEPEST:
            raise WordError("nests too deeply")
        try:
            return self._read(stop, words or _NO_WORDS)
        finally:
            self._raw_escapes = before
            self._deep -= 1

    def _read(self, stop: str, words: "_Words") -> str:
        result: list[str] = []
        size = 0
        while character := self._peek():
            if character == stop:
                self._at += 1
                return "".join(result)
            if plain := _PLAIN.match(self._text, self._at):
                self._at = plain.end()
                piece = plain[0]
                words.add_raw(piece)
            elif character == "$":
                piece = self._dollar()
                words.add_text(piece)
            elif character in "'\"":
                piece = self._single() if character == "'" else self._double()
                words.add_raw(piece)
            elif character == "<":
                piece = self._angle()
                words.add_raw(piece)
            elif character == self._escape:
                self._at += 1
                piece = character if self._raw_escapes else ""
                following = self._next()
                if piece or following:
                    words.add_raw(piece + following)
                piece += following
            else:
                piece = self._next()
                words.add(piece)
            size += len(piece)
            if size > LONGEST:
                raise WordError(f"expands to more than {LONGEST:,} characters")
            result.append(piece)
        if stop:
            raise WordError("syntax error: missing '}'" if stop == "}" else "syntax error: missing '/' in ${}")
        return "".join(result)

    def _single(self) -> str:
        begin = self._at
        end = self._text.find("'", begin + 1)
        if end < 0:
            raise WordError("unexpected end of statement while looking for matching single-quote")
        self._at = end + 1
        return self._text[begin : end + 1] if self._raw_quotes else self._text[begin + 1 : end]

    def _double(self) -> str:
        self._at += 1
        result = ['"'] if self._raw_quotes else []
        while character := self._peek():
            if character == '"':
                self._at += 1
                if self._raw_quotes:
                    result.append(character)
                return "".join(result)
            if character == "$":
                result.append(self._dollar())
                continue
            self._at += 1
            if character == self._escape:
                if self._raw_escapes:
                    result.append(character)
                following = self._peek()
                if not following:
                    break
                if following in ('"', "$", self._escape):
                    character = self._next()
            result.append(character)
        raise WordError("unexpected end of statement while looking for matching double-quote")

    def _angle(self) -> str:
        """Reads `<`, or the start of a heredoc: `<<` with the following white space, which does not end the word."""
        self._at += 1
        if self._peek() != "<":
            return "<"
        self._at += 1
        begin = self._at
        while self._peek() in ("\t", "\r", " "):
            self._at += 1
        return "<<" + self._text[begin : self._at]

    def _dollar(self) -> str:
        self._at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._get(name)
            return "$" + name if value is None and self._partly else value or ""
        self._at += 1
        if not self._peek():
            raise WordError("syntax error: missing '}'")
        if self._peek() in "{}:":
            raise WordError("syntax error: bad substitution")
        name = self._name()
        operator = self._next()
        if operator == "}":
            value = self._get(name)
            return f"${{{name}}}" if value is None and self._partly else value or ""
        if operator == "/":
            return self._replace(name)
        colon = operator == ":"
        if colon:
            operator = self._next()
        if not operator:
            raise WordError("syntax error: missing '}'")
        if operator not in tuple("+-?#%"):
            raise WordError(f"unsupported modifier ({':' if colon else ''}{operator}) in substitution")
        raw = operator in "#%"
        if colon and raw:
            raise WordError(f"unsupported modifier (:{operator}) in substitution")
        word = self._until("}", raw)
        value = self._get(name)
        if self._partly and value is None:
            return f"${{{name}{':' if colon else ''}{operator}{word}}}"
        return _substitute(name, value, operator, word, empty_is_unset=colon)

    def _replace(self, name: str) -> str:
        every = self._peek() == "/"
        if every:
            self._at += 1
        pattern = self._until("/", True)
        replacement = self._until("}", True)
        value = self._get(name)
        if self._partly and value is None:
            return f"${{{name}/{pattern}/{replacement}}}"
        try:
            return patterns.replace(value or "", pattern, replacement, every=every)
        except ValueError as error:
            raise WordError(str(error)) from None

    def _get(self, name: str) -> str | None:
        return self._variables.get(name)

    def _name(self) -> str:
        begin = self._at
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self._at += 1
        elif first and first in _SPECIAL:
            self._at += 1
        else:
            while (character := self._peek()) and (character.isalpha() or character.isdecimal() or character == "_"):
                self._at += 1
        return self._text[begin : self._at]


def _substitute(name: str, value: str | None, operator: str, word: str, *, empty_is_unset: bool) -> str:
    absent = value is None or (empty_is_unset and not value)
    if operator == "-":
        return word if absent else value or ""
    if operator == "+":
        return "" if absent else word
    if operator == "?":
        if absent:
            state = "unset" if value is None else "empty"
            raise WordError(f"{name}: {word or f'is not allowed to be {state}'}")
        return value or ""
    try:
        return patterns.trim(value or "", word.removeprefix(operator), longest=word.startswith(operator), end=operator)
    except ValueError as error:
        raise WordError(str(error)) from None


class _Words:
    """Collects words, which end at unquoted white space."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._done: list[str] = []

    def add(self, character: str) -> None:
        if not is_space(character):
            self._open.append(character)
        elif self._open:
            self._end()

    def add_text(self, text: str) -> None:
        for character in text:
            self.add(character)

    def add_raw(self, text: str) -> None:
        if text:
            self._open.append(text)

    def close(self) -> list[str]:
        self._end()
        return self._done

    def _end(self) -> None:
        if word := "".join(self._open):
            self._done.append(word)
        self._open.clear()


class _NoWords(_Words):
    """Ignores word boundaries, to expand a text as a whole."""

    def add(self, character: str) -> None:
        pass

    def add_text(self, text: str) -> None:
        pass

    def add_raw(self, text: str) -> None:
        pass


_NO_WORDS: Final = _NoWords()
