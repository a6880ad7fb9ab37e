"""The messages of `flyteidl2.imagebuilder` (definition.proto, flyteidl2 2.0) in their proto3 JSON form.

Some fields are Boatyard's own, because the messages cannot express them: `dockerfile`,
`Secret.mountPath`, `sourceDir` of packages, requirements and Poetry projects, and `uvScript`
(docs/decisions/0002-spec.md).

Paths are relative to the context's root, with forward slashes.
"""

import posixpath
from typing import Final, Literal, TypeAlias

import msgspec

from boatyard.spec.limits import (
    Arguments,
    CommandLines,
    Image,
    Name,
    Packages,
    Path,
    Platforms,
    UpTo64,
    UpTo1000,
    Url,
    Urls,
    Variables,
    Version,
)
from boatyard.validate import is_env_name


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A protobuf message in JSON form. Absent fields have their defaults."""


class Secret(_Message, frozen=True, kw_only=True):
    """A secret by name. The job looks up its value, which is never part of a spec."""

    key: Name
    group: Name = ""
    group_version: Name = ""
    mount_requirement: Literal["ANY", "ENV_VAR", "FILE"] = "ANY"
    env_var: Name = ""
    mount_path: Path = ""

    @property
    def name(self) -> str:
        """Its name in the secret store: `<group>_<key>`, as in the flyte SDK."""
        return f"{self.group}_{self.key}" if self.group else self.key

    @property
    def environment_name(self) -> str:
        """The environment variable for a RUN step; empty for a file, or if the name is not valid for a variable."""
        if self.mount_path:
            return ""
        return self.env_var or (self.name if is_env_name(self.name) else "")


class PipOptions(_Message, frozen=True, kw_only=True):
    index_url: Url = ""
    extra_index_urls: Urls = ()
    pre: bool = False
    extra_args: Arguments = ""


class AptPackages(_Message, frozen=True, kw_only=True):
    packages: Packages = ()
    secret_mounts: UpTo64[Secret] = ()


class PipPackages(_Message, frozen=True, kw_only=True):
    """`source_dir` is the folder that local packages (`./1/app`) and paths in the options are relative to."""

    packages: Packages = ()
    options: PipOptions = PipOptions()
    secret_mounts: UpTo64[Secret] = ()
    source_dir: Path = ""


class Requirements(_Message, frozen=True, kw_only=True):
    """`source_dir` is the folder that paths in `file` and in the options are relative to; `file` is below it."""

    file: Path
    options: PipOptions = PipOptions()
    secret_mounts: UpTo64[Secret] = ()
    source_dir: Path = ""


class PythonWheels(_Message, frozen=True, kw_only=True):
    dir: Path
    package_name: Path
    options: PipOptions = PipOptions()
    secret_mounts: UpTo64[Secret] = ()


class UVProject(_Message, frozen=True, kw_only=True):
    """`pyproject` is the folder of pyproject.toml, `uvlock` the lock file itself.

    `source_dir` has all that uv reads, such as workspace members, at their relative paths; `pyproject` is below it.
    `--no-install-project` among the options means "dependencies only".
    """

    pyproject: Path
    uvlock: Path = ""
    options: PipOptions = PipOptions()
    secret_mounts: UpTo64[Secret] = ()
    source_dir: Path = ""


class UVScript(_Message, frozen=True, kw_only=True):
    """A script with inline metadata. Its lock, if any, is beside it, as `<script>.lock`.

    `source_dir` is the folder that paths in the metadata are relative to or below; `script` is below it.
    """

    script: Path
    lock: Path = ""
    options: PipOptions = PipOptions()
    secret_mounts: UpTo64[Secret] = ()
    source_dir: Path = ""

    @property
    def folder(self) -> str:
        """The folder of the context that the step gets, with everything below it."""
        return self.source_dir or posixpath.dirname(self.script) or "."


class PoetryProject(_Message, frozen=True, kw_only=True):
    """`pyproject` is the project's folder, or its pyproject.toml when only dependencies are wanted.

    `source_dir` has all that Poetry reads, such as path dependencies, at their relative paths.
    """

    pyproject: Path
    poetry_lock: Path
    extra_args: Arguments = ""
    secret_mounts: UpTo64[Secret] = ()
    source_dir: Path = ""


class Commands(_Message, frozen=True, kw_only=True):
    cmd: CommandLines = ()
    secret_mounts: UpTo64[Secret] = ()


class WorkDir(_Message, frozen=True, kw_only=True):
    workdir: Path


class CopyConfig(_Message, frozen=True, kw_only=True):
    src: Path
    dst: Path


class Env(_Message, frozen=True, kw_only=True):
    """Environment variables. A value may refer to an earlier one with `$NAME`; only then their order matters."""

    env_variables: Variables = {}


Layer: TypeAlias = (
    AptPackages
    | PipPackages
    | Commands
    | Requirements
    | PythonWheels
    | WorkDir
    | CopyConfig
    | UVProject
    | UVScript
    | Env
    | PoetryProject
)


DockerfileEncoding = Literal["utf-8", "latin-1"]


class LayerDocument(_Message, frozen=True, kw_only=True):
    """The oneof of `Layer` in its JSON form: exactly one field is set."""

    apt_packages: AptPackages | None = None
    pip_packages: PipPackages | None = None
    commands: Commands | None = None
    requirements: Requirements | None = None
    python_wheels: PythonWheels | None = None
    workdir: WorkDir | None = None
    copy_config: CopyConfig | None = None
    uv_project: UVProject | None = None
    uv_script: UVScript | None = None
    env: Env | None = None
    poetry_project: PoetryProject | None = None


class SpecDocument(_Message, frozen=True, kw_only=True):
    """`ImageSpec` in its JSON form, checked for types and names only."""

    base_image: Image = ""
    python_version: Version = ""
    layers: UpTo1000[LayerDocument] = ()
    platform: Platforms = ()
    dockerfile: str = ""
    """The text of a whole Dockerfile."""
    dockerfile_encoding: DockerfileEncoding = "utf-8"
    """The encoding of the file's bytes: `latin-1` (one character per byte) for a file that is not UTF-8."""
    build_args: Variables = {}
    """Values for ARG, as with `docker build --build-arg`."""
    target_stage: Name = ""
    """The stage to build, as with `docker build --target`; empty means the last."""


_KINDS: Final[dict[type, str]] = {
    AptPackages: "aptPackages",
    PipPackages: "pipPackages",
    Commands: "commands",
    Requirements: "requirements",
    PythonWheels: "pythonWheels",
    WorkDir: "workdir",
    CopyConfig: "copyConfig",
    UVProject: "uvProject",
    UVScript: "uvScript",
    Env: "env",
    PoetryProject: "poetryProject",
}


def kinds() -> tuple[str, ...]:
    """The fields of `LayerDocument` in JSON."""
    return tuple(_KINDS.values())


def kind_of(layer: Layer) -> str:
    """The layer's field of `LayerDocument` in JSON."""
    return _KINDS[type(layer)]


class ImageSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A validated spec. Either `base_image` with `layers`, or `dockerfile` alone."""

    base_image: str = ""
    python_version: str = ""
    layers: tuple[Layer, ...] = ()
    platform: tuple[str, ...] = ()
    """Requested platforms, sorted, without duplicates; empty means the deployment's default."""
    dockerfile: str = ""
    dockerfile_encoding: DockerfileEncoding = "utf-8"
    build_args: Variables = {}
    target_stage: Name = ""
