"""Reads requirements.txt as uv does, and adds the files that it refers to under neutral names.

A file without references is sent unchanged. Otherwise it is rewritten: included files replace their -r, and context
paths replace local ones. The rules are uv's (crates/uv-requirements-txt): `-r`, `-c` and `--find-links` are relative to
the file, packages to the working directory. Packages are also looked up beside the file, because a file does not know
the working directory of its users.
"""

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from boatyard.errors import invalid
from boatyard_flyte.lowering.local_files import LocalFiles, find, is_package, looks_local
from boatyard_flyte.lowering.projects.paths import expand, is_remote, local_path, normal

_COMMENT: Final = re.compile(r"(^|\s+)#.*$")
_OPTION: Final = re.compile(r"(-[rcefi]|--[a-z-]+)(?:\s*=\s*|\s+|(?<=^-[rcefi])(?=[^\s=]))(.*)\Z", re.DOTALL)
_TAIL: Final = re.compile(r"\s+(?:;|--\w).*\Z|\s*;.*\Z", re.DOTALL)
_NAMED: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@\s*)(\S.*)\Z", re.DOTALL)
_SHELL: Final = re.compile(r"""[^\\'"]+|\\.|'[^']*'|"(?:[^\\"]|\\.)*\"""", re.DOTALL)
_ESCAPED_IN_QUOTES: Final = re.compile(r"\\([$`\"\\])")
_EXTRAS: Final = re.compile(r"(\s*\[[^\]/]*\])\Z")
_VARIABLE: Final = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")
_CODING: Final = re.compile(rb"^[ \t]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)
_EVERYWHERE: Final = frozenset({"HOME", "PATH", "PROJECT_ROOT"})
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Line:
    """A line with continuations joined and without its comment."""

    number: int
    text: str


def written_out(file: Path, local: LocalFiles) -> bytes | None:
    """The rewritten file, after its references were added to the context; None if it can be sent unchanged."""
    reader = _Reader(local)
    lines = reader.lines(normal(file), ())
    data = file.read_bytes()
    return None if not reader.changed and not _is_marked(data) else "".join(f"{line}\n" for line in lines).encode()


def local_requirement(text: str, local: LocalFiles) -> str:
    """A requirement outside of a file, with a context path in place of a local one."""
    return "".join(_Reader(local).line(Line(1, text), normal("with_pip_packages"), ()))


def text_of(file: Path, call: str) -> str:
    """The file's text, decoded as in pip: by its byte order mark, a coding comment, or as UTF-8."""
    data = file.read_bytes()
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if not encoding:
        coding = _CODING.search(b"\n".join(data.split(b"\n")[:2]))
        encoding = coding[1].decode("ascii") if coding else "utf-8"
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise invalid(f"{call}: {file.name!r} is not {encoding} text; save it as UTF-8") from None


def split_lines(text: str) -> Iterator[Line]:
    joined: list[str] = []
    first = 1
    for number, raw in enumerate(text.splitlines(), 1):
        if not joined:
            first = number
        comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not comment:
            joined.append(raw[:-1])
            continue
        joined.append("" if comment else raw)
        yield from _line(first, "".join(joined))
        joined = []
    if joined:
        yield from _line(first, "".join(joined))


def _line(number: int, text: str) -> Iterator[Line]:
    if stripped := _COMMENT.sub("", text).strip():
        yield Line(number, stripped)


def _is_marked(data: bytes) -> bool:
    """Whether uv in the image would have to guess the encoding."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return any(data.startswith(mark) for mark, _ in _MARKS)


def _unquoted(value: str) -> str:
    """The value of an option as a POSIX shell reads it, with its spaces; unchanged if a quote is not closed."""
    words = _SHELL.findall(value)
    return value if "".join(words) != value else "".join(_word(word) for word in words)


def _bare(requirement: str) -> str:
    """A requirement without surrounding quotes; inner quotes belong to its markers."""
    quoted = len(requirement) > 1 and requirement[0] == requirement[-1] and requirement[0] in "\"'"
    return requirement[1:-1] if quoted else requirement


def _word(word: str) -> str:
    if word[0] == "'":
        return word[1:-1]
    if word[0] == '"':
        return _ESCAPED_IN_QUOTES.sub(r"\1", word[1:-1])
    return word[1:] if word[0] == "\\" else word


def _included(value: str, file: Path) -> Path:
    return local_path(expand(value), file.parent) or file


class _Reader:
    def __init__(self, local: LocalFiles) -> None:
        self._local = local
        self.changed = False

    def lines(self, file: Path, above: tuple[Path, ...]) -> list[str]:
        call = self._local.wanted.call
        if file in above:
            raise invalid(f"{call}: {file.name!r} includes itself through {above[-1].name!r}")
        if not file.is_file():
            raise invalid(f"{call}: there is no file {str(file)!r}, which {above[-1].name!r} includes")
        out: list[str] = []
        for line in split_lines(text_of(file, call)):
            out += self.line(line, file, (*above, file))
        return out

    def line(self, line: Line, file: Path, above: tuple[Path, ...]) -> list[str]:
        shown = f"{file.name}, line {line.number}" if above else repr(line.text)
        if line.text == "--pre":
            self._local.pre = True
            return [line.text]
        option = _OPTION.match(line.text)
        if option is None or not line.text.startswith("-"):
            return [self._requirement(line.text, file, shown)]
        name, written = option[1], option[2].strip()
        value = _unquoted(written)
        match name:
            case "-r" | "--requirement" | "--requirements":
                if is_remote(expand(value)):
                    return [line.text]
                self.changed = True
                return self.lines(_included(value, file), above)
            case "-c" | "--constraint" | "--constraints":
                if is_remote(expand(value)):
                    return [line.text]
                self.changed = True
                inner = self.lines(_included(value, file), above)
                return [f"-c {self._local.made('constraints.txt', ''.join(f'{x}{chr(10)}' for x in inner).encode())}"]
            case "-e" | "--editable":
                # The folder disappears with the step, so the project is installed instead of linked.
                self.changed = True
                return [self._requirement(_bare(written), file, shown, folder=True)]
            case "-f" | "--find-links" if not is_remote(expand(value)):
                self.changed = True
                path = find(value, (file.parent, Path.cwd()), call=self._local.wanted.call, shown=shown)
                return [f"--find-links {self._local.links(path)}"]
            case "-i" | "--index-url" | "--extra-index-url" if looks_local(expand(value)):
                raise invalid(
                    f"{self._local.wanted.call}: {shown}: an index that is a local folder is not sent; name "
                    f"a folder of wheels by --find-links {value}"
                )
        self._check_variables(line.text, shown)
        return [line.text]

    def _requirement(self, text: str, file: Path, shown: str, *, folder: bool = False) -> str:
        """The requirement, with a context path in place of a local one."""
        tail = _TAIL.search(text)
        head, rest = (text[: tail.start()], tail[0]) if tail else (text, "")
        named = _NAMED.match(head)
        before, reference = (named[1], named[2].strip()) if named else ("", head.strip())
        extras = _EXTRAS.search(reference)
        after = extras[1].strip() if extras and not named else ""
        path_text = reference[: extras.start()] if after and extras else reference
        expanded = expand(path_text)
        if expanded.lower().startswith("git+file:"):
            raise invalid(
                f"{self._local.wanted.call}: {shown}: a local git repository is not sent; name "
                "its folder, which is sent unchanged, or a URL that the builder can reach"
            )
        if not (looks_local(expanded) or (folder and not is_remote(expanded))):
            self._check_variables(text, shown)
            return text
        self.changed = True
        starts = (Path.cwd(), file.parent, *self._local.starts)
        path = find(path_text, starts, call=self._local.wanted.call, shown=shown, fits=is_package)
        return f"{before}{self._local.package(path, shown)}{after}{rest}"

    def _check_variables(self, text: str, shown: str) -> None:
        """Refuses a variable that is set locally but will not be set in the build."""
        for name in _VARIABLE.findall(text):
            if name in os.environ and name not in self._local.wanted.variables | _EVERYWHERE:
                raise invalid(
                    f"{self._local.wanted.call}: {shown}: ${{{name}}} is a local variable; the build only has it "
                    f"with secret_mounts=[{name!r}], or after with_env_vars"
                )
