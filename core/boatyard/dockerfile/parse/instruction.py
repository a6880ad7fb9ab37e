"""One instruction, as it was read and as it lies in the file."""

from bisect import bisect_right

import msgspec

from boatyard.dockerfile.parse.mounts import Mount


class Flag(msgspec.Struct, frozen=True):
    """`--name=value`, quotes and escapes taken away."""

    name: str
    value: str | None
    start: int
    """Offsets in the logical line: of its first character, and behind its last."""
    end: int


class Heredoc(msgspec.Struct, frozen=True):
    name: str
    content: str
    expand: bool
    """Variables in it count: its name is not quoted."""
    chomp: bool
    """`<<-`: tabs at the beginning of lines go."""


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    keyword: str
    """In upper case."""
    line: int
    """Of its keyword, counted from 1."""
    last_line: int
    """Of its last line, its heredocs' ends included."""
    logical: str
    """All of it but heredocs on one line."""
    pieces: tuple[tuple[int, int], ...]
    """Which part of the file each part of `logical` is: offset in `logical` -> offset in the file."""
    behind_keyword: int
    """Offset in `logical` behind the keyword, where a flag can be added."""
    flags: tuple[Flag, ...] = ()
    arguments: str = ""
    """What follows the flags, blanks at both ends taken away."""
    json: tuple[str, ...] | None = None
    """The exec form's words; None for the shell form."""
    heredocs: tuple[Heredoc, ...] = ()
    inner: "Instruction | None" = None
    """What ONBUILD puts off."""

    def flag(self, name: str) -> str | None:
        return next((flag.value for flag in self.flags if flag.name == name), None)

    def mounts(self) -> tuple[tuple[Flag, Mount], ...]:
        """The `--mount` flags, as they are written; variables in them are not filled in."""
        return tuple(
            (flag, Mount.parse(flag.value or "", line=self.line)) for flag in self.flags if flag.name == "mount"
        )

    def offset(self, at: int) -> int:
        """The place in the file of a place in `logical`."""
        index = bisect_right(self.pieces, at, key=lambda piece: piece[0]) - 1
        begins, lies = self.pieces[max(index, 0)]
        return lies + at - begins
