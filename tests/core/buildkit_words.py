"""A second implementation of BuildKit's word expansion, written from its documentation for tests.

https://docs.docker.com/reference/dockerfile/#environment-replacement and frontend/dockerfile/shell/lex.go:
double quotes keep `$` and backslash special (backslash only before `"`, `$` and itself), single quotes keep
nothing special, a bare backslash keeps the next character unchanged.
"""

from collections.abc import Mapping


def expand(word: str, variables: Mapping[str, str]) -> str:
    out: list[str] = []
    rest = list(word)
    quote = ""
    while rest:
        character = rest.pop(0)
        if quote != "'" and character == "$":
            out.append(_variable(rest, variables))
        elif quote == '"' and character == "\\":
            out.append(rest.pop(0) if rest and rest[0] in '"$\\' else "\\")
        elif not quote and character == "\\":
            out.append(rest.pop(0) if rest else "")
        elif character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        else:
            out.append(character)
    assert not quote, "unterminated quote"
    return "".join(out)


def _variable(rest: list[str], variables: Mapping[str, str]) -> str:
    if rest and rest[0] == "{":
        rest.pop(0)
        name = ""
        while rest[0] != "}":
            name += rest.pop(0)
        rest.pop(0)
        assert name.isidentifier(), name
        return variables.get(name, "")
    name = ""
    while rest and (rest[0].isalnum() or rest[0] == "_"):
        name += rest.pop(0)
    return variables.get(name, "")
