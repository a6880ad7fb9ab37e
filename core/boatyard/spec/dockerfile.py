"""Checks a spec that is a Dockerfile."""

import re
from typing import Final

from boatyard.errors import BoatyardError, Code, invalid
from boatyard.spec.messages import DockerfileEncoding, SpecDocument
from boatyard.validate import LONGEST_DOCKERFILE

_ARG_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}\Z")
_STAGE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}\Z")
_SECONDS: Final = re.compile(r"-?[0-9]{1,18}\Z")
_MOST_ARGS: Final = 256
_LONGEST_ARG: Final = 65_536
_BUILDKITS: Final = frozenset(
    {
        "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
        "BUILDKIT_DOCKERFILE_CHECK",
        "BUILDKIT_INLINE_CACHE",
        "BUILDKIT_SANDBOX_HOSTNAME",
        "BUILDKIT_SBOM_SCAN_CONTEXT",
        "BUILDKIT_SBOM_SCAN_STAGE",
        "BUILDKIT_SYNTAX",
    }
)
"""The build arguments of BuildKit itself that a user may set."""


def dockerfile(wire: SpecDocument, *, field: str) -> tuple[str, DockerfileEncoding]:
    """The text and its encoding, in a canonical form for equal bytes. Raises INVALID_SPEC."""
    _check_arguments(wire.build_args, f"{field}.buildArgs")
    if wire.target_stage and not _STAGE.match(wire.target_stage):
        raise invalid(f"{wire.target_stage!r} is not the name of a stage", field=f"{field}.targetStage")
    field = f"{field}.dockerfile"
    if len(wire.dockerfile) > LONGEST_DOCKERFILE:
        raise invalid(f"is longer than {LONGEST_DOCKERFILE:,} characters", field=field)
    try:
        data = wire.dockerfile.encode(wire.dockerfile_encoding)
    except UnicodeEncodeError as error:
        line = wire.dockerfile.count("\n", 0, error.start) + 1
        raise invalid(f"line {line} holds a character that {wire.dockerfile_encoding} has not", field=field) from None
    if b"\0" in data:
        raise invalid(f"line {data.count(10, 0, data.index(0)) + 1} holds a zero byte", field=field)
    if wire.dockerfile_encoding == "latin-1":
        try:
            return data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            pass
    return wire.dockerfile, wire.dockerfile_encoding


def _check_arguments(arguments: dict[str, str], field: str) -> None:
    if len(arguments) > _MOST_ARGS:
        raise invalid(f"{len(arguments)} are more than {_MOST_ARGS}", field=field)
    for name, value in arguments.items():
        if not _ARG_NAME.match(name):
            raise invalid(f"{name[:128]!r} is not the name of a build argument", field=field)
        if name.startswith("BUILDKIT_") and name not in _BUILDKITS:
            raise BoatyardError(Code.UNSUPPORTED, f"{name} is for the deployment to set", field=f"{field}.{name}")
        if name == "SOURCE_DATE_EPOCH" and value and not _SECONDS.match(value):
            raise invalid("must be whole seconds since 1970", field=f"{field}.{name}")
        if len(value) > _LONGEST_ARG:
            raise invalid(f"is longer than {_LONGEST_ARG} characters", field=f"{field}.{name}")
        try:
            if "\0" in value:
                raise invalid("holds a zero byte", field=f"{field}.{name}")
            value.encode()
        except UnicodeEncodeError:
            raise invalid("is not valid Unicode", field=f"{field}.{name}") from None
