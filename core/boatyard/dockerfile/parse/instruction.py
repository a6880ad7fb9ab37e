"""A parsed instruction and its position in the file."""

from bisect import bisect_right

import msgspec

from boatyard.dockerfile.parse.mounts import Mount


class Flag(msgspec.Struct, frozen=True):
    """`--name=value`, without quotes and escapes."""

    name: str
    value: str | None
    start: int
    """Offsets in the logical line: of its first character, and after its last."""
    end: int


class Heredoc(msgspec.Struct, frozen=True):
    name: str
    content: str
    expand: bool
    """Whether variables expand in it: its name is not quoted."""
    chomp: bool
    """`<<-`: tabs at the beginning of lines are removed."""


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    keyword: str
    """In upper case."""
    line: int
    """Line of its keyword, counted from 1."""
    last_line: int
    """Its last line, including the ends of its heredocs."""
    logical: str
    """The instruction on one line, without heredocs."""
    pieces: tuple[tuple[int, int], ...]
    """Offsets of the parts of `logical` -> their offsets in the file."""
    behind_keyword: int
    """Offset in `logical` after the keyword, where a flag can be inserted."""
    flags: tuple[Flag, ...] = ()
    arguments: str = ""
    """The text after the flags, without surrounding white space."""
    json: tuple[str, ...] | None = None
    """The exec form's words; None for the shell form."""
    heredocs: tuple[Heredoc, ...] = ()
    inner: "Instruction | None" = None
    """The instruction inside ONBUILD."""

    def flag(self, name: str) -> str | None:
        return next((flag.value for flag in self.flags if flag.name == name), None)

    def mounts(self) -> tuple[tuple[Flag, Mount], ...]:
        """The `--mount` flags as written, without expanding variables."""
        return tuple(
            (flag, Mount.parse(flag.value or "", line=self.line)) for flag in self.flags if flag.name == "mount"
        )

    def offset(self, at: int) -> int:
        """The offset in the file of an offset in `logical`."""
        index = bisect_right(self.pieces, at, key=lambda piece: piece[0]) - 1
        begins, lies = self.pieces[max(index, 0)]
        return lies + at - begins
