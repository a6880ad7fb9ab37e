"""Splits ARG, ENV and FROM into words that keep their quotes for the lexer, which expands variables."""

from boatyard.dockerfile.parse.blanks import SEPARATOR, is_space
from boatyard.dockerfile.parse.instruction import Instruction
from boatyard.dockerfile.parse.refusal import unreadable


def arguments(instruction: Instruction) -> list[str]:
    """The words of an instruction without quoting, such as FROM, COPY and ADD."""
    if instruction.json is not None:
        return list(instruction.json)
    return SEPARATOR.split(instruction.arguments) if instruction.arguments else []


def args(instruction: Instruction, escape: str) -> list[tuple[str, str | None]]:
    """The names of an ARG, with their defaults as written."""
    words = quoted_words(instruction.arguments, escape)
    if not words:
        raise unreadable(instruction.line, "ARG requires at least one argument")
    pairs: list[tuple[str, str | None]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not name:
            raise unreadable(instruction.line, "ARG names can not be blank")
        pairs.append((name, value if equals else None))
    return pairs


def env(instruction: Instruction, escape: str) -> list[tuple[str, str]]:
    """The pairs of an ENV: `name=value …`, or `name value` up to the end."""
    words = quoted_words(instruction.arguments, escape)
    if not words:
        raise unreadable(instruction.line, "ENV requires at least one argument")
    if "=" not in words[0]:
        name, *rest = SEPARATOR.split(instruction.arguments, maxsplit=1)
        if not rest:
            raise unreadable(instruction.line, "ENV must have two arguments")
        return [(name, rest[0])]
    pairs: list[tuple[str, str]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise unreadable(instruction.line, f"can't find = in {word!r}. Must be of the form: name=value")
        if not name:
            raise unreadable(instruction.line, "ENV names can not be blank")
        pairs.append((name, value))
    return pairs


def quoted_words(text: str, escape: str) -> list[str]:
    """Splits at unquoted, unescaped white space; words keep their quotes and escapes."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if not quote and is_space(character):
            if word:
                words.append("".join(word))
                word.clear()
            continue
        if character == escape and quote != "'":
            if at == len(text):
                break
            word.append(character)
            character = text[at]
            at += 1
        elif not quote and character in "'\"":
            quote = character
        elif quote and character == quote:
            quote = ""
        word.append(character)
    if word:
        words.append("".join(word))
    return words
