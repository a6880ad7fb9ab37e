"""Checks the rules of a spec that types cannot express. Each error names the field."""

import re
from typing import Final

from boatyard.backports import assert_never
from boatyard.errors import BoatyardError, Code, invalid
from boatyard.spec.dockerfile import dockerfile
from boatyard.spec.limits import check_amounts
from boatyard.spec.messages import (
    AptPackages,
    Commands,
    CopyConfig,
    Env,
    ImageSpec,
    Layer,
    LayerDocument,
    PipOptions,
    PipPackages,
    PoetryProject,
    PythonWheels,
    Requirements,
    Secret,
    SpecDocument,
    UVProject,
    UVScript,
    WorkDir,
    kind_of,
    kinds,
)
from boatyard.validate import absolute_path, context_path, env_name, secret_name, text

_PLATFORM: Final = re.compile(r"linux/(amd64|arm64)\Z")
_PYTHON: Final = re.compile(r"3\.(?:[1-9]|[1-9][0-9])\Z")


def check_spec(wire: SpecDocument, *, field: str = "spec") -> ImageSpec:
    """Checks a decoded spec. Raises INVALID_SPEC."""
    check_amounts(wire.layers, field=field)
    layers = tuple(check_layer(item, f"{field}.layers[{index}]", index) for index, item in enumerate(wire.layers))
    text(wire.base_image, field=f"{field}.baseImage")
    for platform in wire.platform:
        if not _PLATFORM.match(platform):
            raise BoatyardError(
                Code.UNSUPPORTED,
                f"platform {platform!r}: linux/amd64 and linux/arm64 can be built",
                field=f"{field}.platform",
            )
    source, encoding = "", wire.dockerfile_encoding
    if wire.dockerfile:
        source, encoding = dockerfile(wire, field=field)
        if layers or wire.base_image:
            raise invalid("a spec has a dockerfile, or a baseImage with layers, not both", field=field)
    elif wire.build_args or wire.target_stage or encoding != "utf-8":
        raise invalid("buildArgs, targetStage and dockerfileEncoding are for a dockerfile", field=field)
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
        dockerfile=source,
        dockerfile_encoding=encoding,
        build_args=wire.build_args,
        target_stage=wire.target_stage.lower(),
    )


def check_layer(document: LayerDocument, field: str, index: int) -> Layer:
    """Checks a decoded layer. Raises INVALID_SPEC."""
    present: list[Layer] = [
        made for name in document.__struct_fields__ if (made := getattr(document, name)) is not None
    ]
    if len(present) != 1:
        raise invalid("a layer has exactly one of " + ", ".join(kinds()), field=field, layer_index=index)
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
            if isinstance(layer, PipPackages) and layer.source_dir:
                context_path(layer.source_dir, field=f"{field}.sourceDir")
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
        case Requirements():
            _check_paths(field, file=layer.file, sourceDir=layer.source_dir)
        case PythonWheels(dir=folder, package_name=name):
            context_path(folder, field=f"{field}.dir")
            text(name, field=f"{field}.packageName", empty=False)
        case UVProject():
            _check_paths(field, pyproject=layer.pyproject, uvlock=layer.uvlock, sourceDir=layer.source_dir)
        case UVScript():
            _check_paths(field, script=layer.script, lock=layer.lock, sourceDir=layer.source_dir)
            if layer.lock and layer.lock != f"{layer.script}.lock":
                raise invalid("the lock of a script must be beside it, as <script>.lock", field=f"{field}.lock")
        case PoetryProject():
            text(layer.extra_args, field=f"{field}.extraArgs")
            _check_paths(field, pyproject=layer.pyproject, poetryLock=layer.poetry_lock, sourceDir=layer.source_dir)
        case _:
            assert_never(layer)


def _check_paths(field: str, **paths: str) -> None:
    """Checks paths, of which only the first is required."""
    for index, (name, path) in enumerate(paths.items()):
        if path or index == 0:
            context_path(path, field=f"{field}.{name}")


def _check_secret(secret: Secret, field: str) -> None:
    secret_name(secret.name, field=field)
    if secret.mount_path:
        absolute_path(secret.mount_path, field=f"{field}.mountPath")
    elif secret.env_var:
        env_name(secret.env_var, field=f"{field}.envVar")
