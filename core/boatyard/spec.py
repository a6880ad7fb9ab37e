"""The image spec: what a user described, parsed from the proto3 JSON of `flyteidl2.imagebuilder.ImageSpec`.

Field names and meanings are those of flyteidl2 2.0 (definition.proto). Three fields are Boatyard's own,
because the message has no place for what flyte's Docker builder can do: `dockerfile`, `Secret.mountPath`
and `UVProject.editables` (docs/decisions/0002-spec.md). Unknown fields are refused.

Paths are relative to the context's root, with forward slashes.
"""

import re
from typing import Any, Final, Literal, TypeAlias

import msgspec

from boatyard.errors import BoatyardError, invalid
from boatyard.validate import LONGEST_DOCKERFILE, absolute_path, context_path, env_name, is_env_name, text


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A protobuf message in its JSON form: absent fields have their defaults."""


class Secret(_Message, frozen=True, kw_only=True):
    """A secret by name. Its value is looked up by the job and never part of a spec."""

    key: str
    group: str = ""
    group_version: str = ""
    mount_requirement: Literal["ANY", "ENV_VAR", "FILE"] = "ANY"
    env_var: str = ""
    mount_path: str = ""

    @property
    def name(self) -> str:
        """How the secret store calls it: `<group>_<key>`, as the flyte SDK does."""
        return f"{self.group}_{self.key}" if self.group else self.key

    @property
    def environment_name(self) -> str:
        """The variable a RUN step finds it in; empty for a file, or when the name cannot be a variable's."""
        if self.mount_path:
            return ""
        return self.env_var or (self.name if is_env_name(self.name) else "")


class PipOptions(_Message, frozen=True, kw_only=True):
    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    pre: bool = False
    extra_args: str = ""


class AptPackages(_Message, frozen=True, kw_only=True):
    packages: tuple[str, ...] = ()
    secret_mounts: tuple[Secret, ...] = ()


class PipPackages(_Message, frozen=True, kw_only=True):
    packages: tuple[str, ...] = ()
    options: PipOptions = PipOptions()
    secret_mounts: tuple[Secret, ...] = ()


class Requirements(_Message, frozen=True, kw_only=True):
    file: str
    options: PipOptions = PipOptions()
    secret_mounts: tuple[Secret, ...] = ()


class PythonWheels(_Message, frozen=True, kw_only=True):
    dir: str
    package_name: str
    options: PipOptions = PipOptions()
    secret_mounts: tuple[Secret, ...] = ()


class UVProject(_Message, frozen=True, kw_only=True):
    """`pyproject` is the folder of pyproject.toml, `uvlock` the lock file itself.

    `--no-install-project` among the options means "dependencies only". `editables` are the folders of
    editable dependencies, below `source_dir`.
    """

    pyproject: str
    uvlock: str = ""
    options: PipOptions = PipOptions()
    secret_mounts: tuple[Secret, ...] = ()
    source_dir: str = ""
    editables: tuple[str, ...] = ()


class PoetryProject(_Message, frozen=True, kw_only=True):
    """`pyproject` is the project's folder, or its pyproject.toml when only dependencies are wanted."""

    pyproject: str
    poetry_lock: str
    extra_args: str = ""
    secret_mounts: tuple[Secret, ...] = ()


class Commands(_Message, frozen=True, kw_only=True):
    cmd: tuple[str, ...] = ()
    secret_mounts: tuple[Secret, ...] = ()


class WorkDir(_Message, frozen=True, kw_only=True):
    workdir: str


class CopyConfig(_Message, frozen=True, kw_only=True):
    src: str
    dst: str


class Env(_Message, frozen=True, kw_only=True):
    """Environment variables. Their order counts: a value may refer to an earlier one with `$NAME`."""

    env_variables: dict[str, str] = {}


Layer: TypeAlias = (
    AptPackages
    | PipPackages
    | Commands
    | Requirements
    | PythonWheels
    | WorkDir
    | CopyConfig
    | UVProject
    | Env
    | PoetryProject
)


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
    env: Env | None = None
    poetry_project: PoetryProject | None = None


class SpecDocument(_Message, frozen=True, kw_only=True):
    """`ImageSpec` in its JSON form, checked for types and names only."""

    base_image: str = ""
    python_version: str = ""
    layers: tuple[LayerDocument, ...] = ()
    platform: tuple[str, ...] = ()
    dockerfile: str = ""


_KINDS: Final[dict[type, str]] = {
    AptPackages: "aptPackages",
    PipPackages: "pipPackages",
    Commands: "commands",
    Requirements: "requirements",
    PythonWheels: "pythonWheels",
    WorkDir: "workdir",
    CopyConfig: "copyConfig",
    UVProject: "uvProject",
    Env: "env",
    PoetryProject: "poetryProject",
}
_PLATFORM: Final = re.compile(r"linux/(amd64|arm64)\Z")
_PYTHON: Final = re.compile(r"3\.(?:[1-9]|[1-9][0-9])\Z")


def kind_of(layer: Layer) -> str:
    """The layer's field in `LayerDocument`'s JSON."""
    return _KINDS[type(layer)]


class ImageSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A validated spec. Either `base_image` with `layers`, or `dockerfile` alone."""

    base_image: str = ""
    python_version: str = ""
    layers: tuple[Layer, ...] = ()
    platform: tuple[str, ...] = ()
    """Platforms asked for, sorted, without duplicates; empty means the deployment's default."""
    dockerfile: str = ""


def parse_spec(document: object, *, field: str = "spec") -> ImageSpec:
    """A JSON document (as decoded: dicts, lists, strings) -> a spec, or INVALID_SPEC with the field."""
    try:
        wire = msgspec.convert(document, SpecDocument, strict=True)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        found = re.match(r"\.layers\[(\d+)\]", path)
        raise invalid(message, field=field + path.rstrip("`"), layer_index=int(found[1]) if found else None) from None
    return check_spec(wire, field=field)


def check_spec(wire: SpecDocument, *, field: str = "spec") -> ImageSpec:
    """The rules that types cannot say."""
    layers = tuple(_layer(item, f"{field}.layers[{index}]", index) for index, item in enumerate(wire.layers))
    text(wire.base_image, field=f"{field}.baseImage")
    for platform in wire.platform:
        if not _PLATFORM.match(platform):
            raise BoatyardError(
                "UNSUPPORTED",
                f"platform {platform!r}: linux/amd64 and linux/arm64 can be built",
                field=f"{field}.platform",
            )
    if wire.dockerfile:
        text(wire.dockerfile, field=f"{field}.dockerfile", newlines=True, longest=LONGEST_DOCKERFILE)
        if layers or wire.base_image:
            raise invalid("a spec has a dockerfile, or a baseImage with layers, not both", field=field)
    elif not wire.base_image:
        raise invalid("a spec needs a baseImage or a dockerfile", field=f"{field}.baseImage")
    if (wire.python_version or not wire.dockerfile) and not _PYTHON.match(wire.python_version):
        raise invalid(
            f"pythonVersion is {wire.python_version!r}; it must look like 3.12",
            field=f"{field}.pythonVersion",
        )
    return ImageSpec(
        base_image=wire.base_image,
        python_version=wire.python_version,
        layers=layers,
        platform=tuple(sorted(set(wire.platform))),
        dockerfile=wire.dockerfile,
    )


def spec_document(spec: ImageSpec) -> dict[str, Any]:
    """The inverse of `parse_spec`: the proto3 JSON document, defaults left out."""
    document: dict[str, Any] = {
        "baseImage": spec.base_image,
        "pythonVersion": spec.python_version,
        "layers": [{kind_of(layer): _without_defaults(layer)} for layer in spec.layers],
        "platform": list(spec.platform),
        "dockerfile": spec.dockerfile,
    }
    return {name: value for name, value in document.items() if value}


def _without_defaults(message: msgspec.Struct) -> dict[str, Any]:
    """proto3 JSON leaves out fields that have their default value."""
    out: dict[str, Any] = {}
    for info in msgspec.structs.fields(message):
        value = getattr(message, info.name)
        if value in ("", (), False) or (isinstance(value, PipOptions) and value == PipOptions()):
            continue
        if isinstance(value, msgspec.Struct):
            value = _without_defaults(value)
        elif isinstance(value, tuple):
            value = [_without_defaults(item) if isinstance(item, msgspec.Struct) else item for item in value]
        if info.name == "mount_requirement" and value == "ANY":
            continue
        out[info.encode_name] = value
    return out


def _layer(document: LayerDocument, field: str, index: int) -> Layer:
    present: list[Layer] = [
        made for name in document.__struct_fields__ if (made := getattr(document, name)) is not None
    ]
    if len(present) != 1:
        raise invalid("a layer has exactly one of " + ", ".join(_KINDS.values()), field=field, layer_index=index)
    (layer,) = present
    try:
        _check_layer(layer, f"{field}.{kind_of(layer)}")
    except BoatyardError as error:
        error.layer_index = index
        raise
    return layer


def _check_layer(layer: Layer, field: str) -> None:
    for secret in getattr(layer, "secret_mounts", ()):
        _check_secret(secret, f"{field}.secretMounts")
    options = getattr(layer, "options", PipOptions())
    for value in (options.index_url, *options.extra_index_urls, options.extra_args):
        text(value, field=f"{field}.options")
    match layer:
        case AptPackages(packages=words) | PipPackages(packages=words):
            for word in words:
                text(word, field=f"{field}.packages", empty=False)
        case Commands(cmd=commands):
            for command in commands:
                text(command, field=f"{field}.cmd", newlines=True, empty=False)
        case Env(env_variables=variables):
            for name, value in variables.items():
                env_name(name, field=f"{field}.envVariables")
                text(value, field=f"{field}.envVariables.{name}", newlines=True)
        case WorkDir(workdir=path):
            text(path, field=f"{field}.workdir", empty=False)
        case CopyConfig(src=src, dst=dst):
            context_path(src, field=f"{field}.src")
            text(dst, field=f"{field}.dst", empty=False)
        case Requirements(file=file):
            context_path(file, field=f"{field}.file")
        case PythonWheels(dir=folder, package_name=name):
            context_path(folder, field=f"{field}.dir")
            text(name, field=f"{field}.packageName", empty=False)
        case UVProject():
            for path in (layer.pyproject, layer.uvlock, layer.source_dir, *layer.editables):
                if path:
                    context_path(path, field=field)
        case PoetryProject():
            text(layer.extra_args, field=f"{field}.extraArgs")
            context_path(layer.pyproject, field=f"{field}.pyproject")
            context_path(layer.poetry_lock, field=f"{field}.poetryLock")


def _check_secret(secret: Secret, field: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", secret.name):
        raise invalid(f"{secret.name!r} is not a secret's name (letters, digits, _ . -)", field=field)
    if secret.mount_path:
        absolute_path(secret.mount_path, field=f"{field}.mountPath")
    elif secret.env_var:
        env_name(secret.env_var, field=f"{field}.envVar")
