"""Values of variables: arguments before the first FROM, and the environment of a stage."""

from collections.abc import Mapping, Set
from typing import Final

from boatyard.dockerfile.parse.instruction import Instruction
from boatyard.dockerfile.parse.pairs import args, env
from boatyard.dockerfile.parse.refusal import unreadable
from boatyard.dockerfile.parse.stages import Dockerfile
from boatyard.dockerfile.parse.words import Lexer, Unknown, WordError

PLATFORM_ARGS: Final = tuple(
    f"{side}{part}" for side in ("BUILD", "TARGET") for part in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT")
)
"""Names that BuildKit sets for every build; a build argument of that name overrides them."""


class Variables:
    """Names and values. Looking up another name raises Unknown if a base image may have set it.

    `below` is the environment of the stage that this one starts from; copying it would take quadratic time. It must not
    change any more.
    """

    def __init__(
        self,
        values: Mapping[str, str] | None = None,
        *,
        unknown: Set[str] = frozenset(),
        complete: bool = True,
        below: "Variables | None" = None,
    ) -> None:
        self._values = dict(values or {})
        self._unknown = set(unknown)
        """Names that are set to an unknown value."""
        self._below = below
        self.complete = complete
        """False if a base image may have set any other name."""

    def get(self, name: str, /) -> str | None:
        """The value, or None if it is certainly not set."""
        here: Variables | None = self
        while here is not None:
            if name in here._values:
                return here._values[name]
            if name in here._unknown or not here.complete:
                raise Unknown(name)
            here = here._below
        return None

    def put(self, name: str, value: str | None) -> None:
        """Sets a value; `None` means an unknown value."""
        if value is None:
            self._values.pop(name, None)
            self._unknown.add(name)
        else:
            self._unknown.discard(name)
            self._values[name] = value

    def inherit(self, name: str, outer: "Variables") -> None:
        """Copies the value from `outer`, if it has one."""
        if name in outer._values or name in outer._unknown:
            self.put(name, outer._values.get(name))


def global_arguments(dockerfile: Dockerfile, build_args: Mapping[str, str], *, platform: str, target: str) -> Variables:
    """The variables for FROM. `platform` is the target's; that of the building machine is unknown."""
    os, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    values = Variables(
        {
            "TARGETPLATFORM": platform,
            "TARGETOS": os,
            "TARGETOSVERSION": "",
            "TARGETARCH": architecture,
            "TARGETVARIANT": variant,
            "TARGETSTAGE": target or dockerfile.stages[-1].name or "default",
        },
        unknown=frozenset(name for name in PLATFORM_ARGS if name.startswith("BUILD")),
    )
    for name in (*PLATFORM_ARGS, "TARGETSTAGE"):
        if name in build_args:
            values.put(name, build_args[name])
    for instruction in dockerfile.arguments:
        for name, default in args(instruction, dockerfile.escape):
            if name in build_args:
                values.put(name, build_args[name])
            elif default is not None:
                values.put(name, _filled(default, values, instruction, dockerfile.escape))
    return values


def apply(
    instruction: Instruction,
    environment: Variables,
    outer: Variables,
    build_args: Mapping[str, str],
    escape: str,
) -> None:
    """Applies an ARG or ENV of a stage to its environment. `outer` are the arguments before the first FROM."""
    if instruction.keyword == "ARG":
        for name, default in args(instruction, escape):
            if name in build_args:
                environment.put(name, build_args[name])
            elif default is not None:
                environment.put(name, _filled(default, environment, instruction, escape))
            else:
                environment.inherit(name, outer)
    elif instruction.keyword == "ENV":
        pairs = env(instruction, escape)
        done = [
            (_filled(name, environment, instruction, escape), _filled(value, environment, instruction, escape))
            for name, value in pairs
        ]
        for key, text in done:
            if key is None:
                environment.complete = False
            else:
                environment.put(key, text)


def filled(text: str, variables: Variables, line: int, escape: str) -> str:
    """A word with expanded variables. Raises INVALID_DOCKERFILE or Unknown."""
    if text.isidentifier():
        return text
    try:
        return Lexer(variables, escape=escape).word(text)
    except WordError as error:
        raise unreadable(line, str(error)) from None


def _filled(text: str, variables: Variables, instruction: Instruction, escape: str) -> str | None:
    try:
        return filled(text, variables, instruction.line, escape)
    except Unknown:
        return None
