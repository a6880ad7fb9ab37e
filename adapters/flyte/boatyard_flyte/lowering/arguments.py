"""Handles extra_args that name local files: adds the files to the context, or refuses with the call to use instead."""

import shlex
from pathlib import Path
from typing import Final

from boatyard.errors import invalid
from boatyard_flyte.lowering.local_files import LocalFiles, find, is_package, looks_local
from boatyard_flyte.lowering.projects.paths import expand, is_archive, is_remote
from boatyard_flyte.lowering.requirements_file import written_out

_REQUIREMENTS: Final = frozenset(
    {
        *("-c", "--constraint", "--constraints"),
        *("--override", "--overrides", "--exclude", "--excludes"),
        *("-b", "--build-constraint", "--build-constraints"),
        *("-r", "--requirement", "--requirements"),
    }
)
_LINKS: Final = frozenset({"-f", "--find-links"})
_PACKAGE: Final = frozenset({"-e", "--editable", "--with-editable", "--with"})
_FILE: Final = frozenset({"--config-file", "--env-file"})
_INDEX: Final = frozenset({"-i", "--index-url", "--default-index", "--extra-index-url", "--index"})
_ELSEWHERE: Final = {
    "--project": "name the project's pyproject.toml in the call itself",
    "--directory": "name the project's pyproject.toml in the call itself",
    "--script": "use flyte.Image.from_uv_script",
    "-s": "use flyte.Image.from_uv_script",
}
_SHORT: Final = frozenset("cbrfei")


def shipped(text: str, local: LocalFiles, *, near: Path | None = None) -> str:
    """The arguments with context paths in place of local ones. `near` is another folder to look in."""
    try:
        words = shlex.split(text)
    except ValueError:
        return text  # the core reports the error
    out: list[str] = []
    changed = False
    rest = iter(words)
    for word in rest:
        option, value, joined = _parts(word)
        if option in _TAKES_PATH and not joined:
            value = next(rest, "")
        made = _argument(option, value, local, near) if option else _operand(word, out, local, near)
        changed |= made is not None
        out += made or ([word] if joined or option not in _TAKES_PATH else [word, value])
    return shlex.join(out) if changed else text


_TAKES_PATH: Final = frozenset({*_REQUIREMENTS, *_LINKS, *_PACKAGE, *_FILE, *_INDEX, *_ELSEWHERE})


def _parts(word: str) -> tuple[str, str, bool]:
    """`--option=value` and `-cvalue` -> the option, its value, and whether they are one word."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        return option, value, bool(equals)
    if word.startswith("-") and len(word) > 2 and word[1] in _SHORT:
        return word[:2], word[2:].removeprefix("="), True
    return (word, "", False) if word.startswith("-") else ("", word, False)


def _argument(option: str, value: str, local: LocalFiles, near: Path | None) -> list[str] | None:
    """The option with a context path; None if it needs no change."""
    call = local.wanted.call
    starts = (*local.starts, *([near] if near else []))
    shown = f"extra_args {option} {value}".strip()
    if option in _ELSEWHERE:
        raise invalid(f"{call}: {shown}: {_ELSEWHERE[option]}")
    if option not in _TAKES_PATH or not value or is_remote(expand(value)):
        return None
    if option in _INDEX:
        name, equals, url = value.partition("=")
        if looks_local(expand(url if equals and "/" not in name else value)):
            raise invalid(
                f"{call}: {shown}: an index that is a local folder is not sent; name a folder of wheels by --find-links"
            )
        return None
    if option == "-i":
        return None
    path = find(value, starts, call=call, shown=shown, fits=is_package if option in _PACKAGE else Path.exists)
    if option in _REQUIREMENTS:
        if not path.is_file():
            raise invalid(f"{call}: {shown}: {str(path)!r} is not a file")
        data = written_out(path, local)
        return [option, local.made("constraints.txt", path.read_bytes() if data is None else data)]
    if option in _LINKS:
        return ["--find-links", local.links(path)]
    if option in _PACKAGE:
        return [local.package(path, shown)]
    if not path.is_file():
        raise invalid(f"{call}: {shown}: {str(path)!r} is not a file")
    return [option, local.made("uv.toml", path.read_bytes())]


def _operand(word: str, before: list[str], local: LocalFiles, near: Path | None) -> list[str] | None:
    """Handles a word that is not an option. It may be an option's value, so only an existing file counts as a path."""
    if before and before[-1] in _IN_THE_IMAGE:
        return None
    if word.startswith(("./", "../", "~/")) or word == "." or is_archive(word):
        for start in (*local.starts, *([near] if near else [])):
            if (start / word).expanduser().exists():
                return [local.package(find(word, (start,), call=local.wanted.call, shown="extra_args"), "extra_args")]
    return None


_IN_THE_IMAGE: Final = frozenset({"--target", "-t", "--prefix", "--python", "-p", "--cache-dir", "--root", "--cert"})
"""Options whose paths refer to the image's files."""
