"""Matches `${X#pattern}`, `${X%pattern}` and `${X/pattern/text}`: `*` is any text, `?` one character, without line
ends.

Matching keeps the set of reachable positions in the pattern, so its time is bounded by text length times pattern
length.
"""

from typing import Final

_ANY: Final = object()
_ONE: Final = object()
_MOST_WORK: Final = 4_000_000
"""Largest product of text length and pattern length."""

_Token = object | str


def trim(text: str, pattern: str, *, longest: bool, end: str) -> str:
    """Removes the shortest or longest matching prefix (`end` is `#`) or suffix (`%`). Raises ValueError."""
    tokens = _tokens(pattern)
    if end == "%":
        text, tokens = text[::-1], tokens[::-1]
    found = _match(text, 0, tokens, longest=longest)
    rest = text if found is None else text[found:]
    return rest[::-1] if end == "%" else rest


def replace(text: str, pattern: str, replacement: str, *, every: bool) -> str:
    """Replaces the first longest match, or every match. Raises ValueError."""
    tokens = _tokens(pattern)
    _check_work(len(text) * len(text), tokens)
    out: list[str] = []
    at = 0
    empty_at = -1
    while at <= len(text):
        found = _match(text, at, tokens, longest=True)
        if found is None or (found == at and at == empty_at):
            if at < len(text):
                out.append(text[at])
            at += 1
            continue
        out.append(replacement)
        empty_at = found
        if found == at and at < len(text):
            out.append(text[at])
            at += 1
        else:
            at = found if found > at else at + 1
        if not every:
            break
    return "".join(out) + text[at:]


def _tokens(pattern: str) -> list[_Token]:
    tokens: list[_Token] = []
    characters = iter(range(len(pattern)))
    for at in characters:
        character = pattern[at]
        if character == "*":
            if not tokens or tokens[-1] is not _ANY:
                tokens.append(_ANY)
        elif character == "?":
            tokens.append(_ONE)
        elif character == "\\":
            following = pattern[at + 1 : at + 2]
            if following in ("}", "/"):
                continue
            if following not in ("*", "?", "\\"):
                raise ValueError(f"invalid pattern ({pattern}) in substitution: invalid escape '\\{following}'")
            tokens.append(following)
            next(characters, None)
        else:
            tokens.append(character)
    return tokens


def _match(text: str, start: int, tokens: list[_Token], *, longest: bool) -> int | None:
    """The end of a match that starts at `start`; None without one."""
    _check_work(len(text) - start, tokens)
    states = _closed({0}, tokens)
    found = start if len(tokens) in states else None
    if found is not None and not longest:
        return found
    for at in range(start, len(text)):
        character = text[at]
        reached = set()
        for state in states:
            if state == len(tokens):
                continue
            token = tokens[state]
            if token is _ANY:
                if character != "\n":
                    reached.add(state)
            elif (token is _ONE and character != "\n") or token == character:
                reached.add(state + 1)
        states = _closed(reached, tokens)
        if not states:
            break
        if len(tokens) in states:
            found = at + 1
            if not longest:
                break
    return found


def _closed(states: set[int], tokens: list[_Token]) -> set[int]:
    """The positions, and those after a `*`, which may match nothing."""
    return states | {state + 1 for state in states if state < len(tokens) and tokens[state] is _ANY}


def _check_work(size: int, tokens: list[_Token]) -> None:
    if size * (len(tokens) + 1) > _MOST_WORK:
        raise ValueError("the pattern of a substitution takes too long on a text of this length")
