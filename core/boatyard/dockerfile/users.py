"""Reads a user's Dockerfile for the plan: its images, its secrets, its frontend."""

from collections.abc import Iterator

import msgspec

from boatyard.dockerfile.parse.encoding import decode
from boatyard.dockerfile.parse.frontend import Frontend, frontend
from boatyard.dockerfile.parse.graph import Graph, ImageUse, graph
from boatyard.dockerfile.parse.instruction import Flag, Instruction
from boatyard.dockerfile.parse.mounts import Mount
from boatyard.dockerfile.parse.refusal import FIELD, unreadable
from boatyard.dockerfile.parse.stages import SCRATCH, Dockerfile, parse
from boatyard.dockerfile.parse.variables import Variables, apply, filled
from boatyard.dockerfile.parse.words import Unknown
from boatyard.errors import BoatyardError, Code
from boatyard.spec import ImageSpec
from boatyard.validate import is_secret_name

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_SECRETS_FOLDER = "/run/secrets"


class SecretMount(msgspec.Struct, frozen=True):
    """`RUN --mount=type=secret`."""

    name: str
    """The secret's name: the id, or its default."""
    required: bool
    line: int
    flag: Flag
    instruction: Instruction
    mount: Mount

    def under(self, id_: str) -> Mount:
        """The same mount with another id, at its original path."""
        kept = self.mount.without("id", "source")
        target = () if kept.has("target") or kept.has("env") else (("target", f"{_SECRETS_FOLDER}/{self.name}"),)
        return Mount((*kept.fields, ("id", id_), *target))


class UsersDockerfile(msgspec.Struct, frozen=True):
    source: str
    """The text in the parser's form (`boatyard.dockerfile.parse.encoding`)."""
    frontend: Frontend | None
    parsed: Dockerfile | None
    """None for another frontend's language, which Boatyard cannot parse."""
    graphs: tuple[Graph, ...]
    """One a platform."""
    images: tuple[ImageUse, ...]
    """The images it uses on any of the platforms, in the file's order."""
    unknown: tuple[ImageUse, ...]
    """Images whose name only the building machine knows."""
    secrets: tuple[SecretMount, ...]
    """The secret mounts of the stages that are built."""

    @property
    def required_secrets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(mount.name for mount in self.secrets if mount.required))

    @property
    def optional_secrets(self) -> tuple[str, ...]:
        required = self.required_secrets
        return tuple(dict.fromkeys(mount.name for mount in self.secrets if mount.name not in required))

    def stage_names(self) -> frozenset[str]:
        return frozenset(stage.name for stage in self.parsed.stages if stage.name) if self.parsed else frozenset()

    def needed_stages(self) -> frozenset[int]:
        return frozenset(index for seen in self.graphs for index in seen.needed)


def read(spec: ImageSpec, platforms: tuple[str, ...]) -> UsersDockerfile:
    """Raises INVALID_DOCKERFILE, INVALID_SPEC or UNSUPPORTED, with the line."""
    source = decode(spec.dockerfile, spec.dockerfile_encoding)
    asked = frontend(source, spec.build_args)
    if asked and not asked.is_dockers:
        return UsersDockerfile(source, asked, None, (), (), (), ())
    parsed = parse(source)
    graphs = tuple(
        graph(parsed, spec.build_args, platform=platform, target=spec.target_stage) for platform in platforms
    )
    images = dict.fromkeys(use for seen in graphs for use in seen.images)
    unknown = {use.line: use for seen in graphs for use in seen.unknown}
    secrets: dict[tuple[int, int], SecretMount] = {}
    for seen in graphs:
        for mount in _secrets(seen, spec.build_args):
            first = secrets.setdefault((mount.line, mount.flag.start), mount)
            if first.name != mount.name:
                raise _unsupported(mount.line, "the id of a secret mount is another one for each platform")
    return UsersDockerfile(
        source,
        asked,
        parsed,
        graphs,
        tuple(sorted(images, key=lambda use: (use.line, use.image))),
        tuple(unknown.values()),
        tuple(secrets.values()),
    )


def _secrets(seen: Graph, build_args: dict[str, str]) -> Iterator[SecretMount]:
    """The secret mounts of the needed stages. Refuses unsupported ones."""
    escape = seen.dockerfile.escape
    environments: dict[int, Variables] = {}
    inherited = {seen.bases[index] for index in seen.needed}
    for stage in seen.dockerfile.stages:
        base = seen.bases[stage.index]
        environment = Variables(complete=stage.base == SCRATCH) if base is None else Variables(below=environments[base])
        environments[stage.index] = environment
        for instruction in stage.body:
            apply(instruction, environment, seen.arguments, build_args, escape)
            if instruction.keyword == "ONBUILD" and stage.index in inherited:
                _refuse_later_secrets(instruction)
            if instruction.keyword == "RUN" and stage.index in seen.needed:
                for flag, mount in instruction.mounts():
                    if found := _secret(instruction, flag, mount, environment, escape):
                        yield found


def _secret(
    instruction: Instruction, flag: Flag, mount: Mount, environment: Variables, escape: str
) -> SecretMount | None:
    line = instruction.line

    def value(name: str) -> str | None:
        written = mount.get(name)
        try:
            return None if written is None else filled(written, environment, line, escape)
        except Unknown as unknown:
            reason = f"the {name} of a mount depends on ${unknown}, which the base image may set"
            raise _unsupported(line, f"{reason}; write it out, or give it an ARG or ENV") from None

    kind = (value("type") or "bind").lower()
    if kind == "ssh":
        raise _unsupported(
            line,
            "builds have no ssh agent; set the key as a secret and mount that: "
            "RUN --mount=type=secret,id=KEY,target=/root/.ssh/id_ed25519,mode=0600",
        )
    if kind != "secret":
        return None
    name = value("source") or value("id") or (value("target") or "").rstrip("/").rpartition("/")[2]
    if not is_secret_name(name):
        raise unreadable(line, f"a secret cannot be called {name!r}; use letters, digits, _ . -")
    required = mount.has("required") and (value("required") is None or value("required") in _TRUE)
    return SecretMount(name, required, line, flag, instruction, mount)


def _refuse_later_secrets(instruction: Instruction) -> None:
    inner = instruction.inner
    if inner and inner.keyword == "RUN" and any(mount.type in ("secret", "ssh") for _, mount in inner.mounts()):
        raise _unsupported(
            instruction.line, "ONBUILD with a secret, in a stage that another stage starts from; write the RUN there"
        )


def _unsupported(line: int, reason: str) -> BoatyardError:
    return BoatyardError(Code.UNSUPPORTED, f"line {line} of the Dockerfile: {reason}", field=FIELD)
