"""All uses of the flyte SDK's private names.

A builder plugin gets an `Image`, whose parts are private in the SDK: its layers, its ignore patterns, its
configuration. The names below are those of flyte 2.12. If a later release moves one, importing this module
fails with an explanation, and no other module has to change.
"""

import importlib.metadata
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

FLYTE: Final = importlib.metadata.version("flyte")

try:
    from flyte import Image, Secret
    from flyte._build import ImageBuild
    from flyte._code_bundle._ignore import IgnoreGroup, StandardIgnore
    from flyte._code_bundle._utils import ls_files
    from flyte._image import (
        _DEFAULT_PLATFORMS,
        AptPackages,
        CodeBundleLayer,
        Commands,
        CopyConfig,
        DockerIgnore,
        Env,
        Layer,
        PipOption,
        PipPackages,
        PixiProject,
        PixiScript,
        PoetryProject,
        PythonWheels,
        Requirements,
        UVProject,
        UVScript,
        WorkDir,
        _DockerLines,
        _get_configured_registry,
    )
    from flyte._initialize import _get_init_config
    from flyte._internal.imagebuild.docker import PatternMatcher, _fnmatch_translate
    from flyte._internal.imagebuild.utils import pixi_project_to_primitive_layers, pixi_script_to_project
    from flyte.errors import ImageBuildError
except ImportError as error:
    raise ImportError(
        f"boatyard-flyte knows the flyte SDK 2.12, and flyte {FLYTE} differs from it ({error}); "
        "install a newer boatyard-flyte, or flyte 2.12"
    ) from error

DockerLines = _DockerLines

__all__ = [
    "FLYTE",
    "AptPackages",
    "CodeBundleLayer",
    "Commands",
    "CopyConfig",
    "DockerIgnore",
    "DockerLines",
    "Env",
    "Image",
    "ImageBuild",
    "ImageBuildError",
    "Layer",
    "Matcher",
    "PipOption",
    "PipPackages",
    "PixiProject",
    "PixiScript",
    "PoetryProject",
    "PythonWheels",
    "Requirements",
    "Secret",
    "UVProject",
    "UVScript",
    "WorkDir",
    "configured_images",
    "configured_registry",
    "fits_any",
    "is_bare_reference",
    "layers_of",
    "loaded_files",
    "matcher",
    "named_platforms",
    "pixi_layers",
    "project_and_domain",
    "reference_name",
    "registry_secret",
    "root_directory",
]

_UNNAMED: Final = Image.__dataclass_fields__["platform"].default


def layers_of(image: Image) -> tuple[Layer, ...]:
    return image._layers


def is_bare_reference(image: Image) -> bool:
    """True for an image that was neither cloned nor given a layer, so that it refers to an existing one."""
    return not image._is_cloned and not image._layers and not image.dockerfile and bool(image.base_image)


def reference_name(image: Image) -> str | None:
    """The argument of `from_ref_name`."""
    return image._ref_name


def registry_secret(image: Image) -> Secret | None:
    return image._image_registry_secret


def named_platforms(image: Image) -> tuple[str, ...]:
    """The platforms that the user named; empty if the image has the SDK's default.

    The SDK does not record which it is, but its defaults are two specific objects, which every method that
    derives an image passes on. An equal tuple from the user is another object.
    """
    if image.platform is _DEFAULT_PLATFORMS or image.platform is _UNNAMED:
        return ()
    return tuple(image.platform)


def configured_registry() -> str | None:
    """`image.registry` of the configuration, as it stands at build time."""
    return _get_configured_registry()


def configured_images() -> dict[str, str]:
    """Image names of the configuration -> references, for `from_ref_name`."""
    config = _get_init_config()
    return dict(config.images) if config else {}


def project_and_domain() -> tuple[str | None, str | None]:
    config = _get_init_config()
    return (config.project, config.domain) if config else (None, None)


def root_directory() -> Path | None:
    config = _get_init_config()
    return Path(config.root_dir) if config and config.root_dir else None


class Pattern(Protocol):
    exclusion: bool
    cleaned_pattern: str


class Matcher(Protocol):
    """The SDK's matcher for .dockerignore patterns, which its builders apply to every copied folder."""

    @property
    def patterns(self) -> Sequence[Pattern]: ...

    def matches(self, path: str, /) -> bool: ...

    def walk(self, folder: str, /) -> Iterator[str]: ...


def matcher(patterns: Iterable[str]) -> Matcher:
    made: Matcher = PatternMatcher(list(patterns))  # type: ignore[no-untyped-call]
    return made


def fits_any(made: Matcher) -> Callable[[str], bool]:
    """Whether a path by itself, without its parents, matches any pattern of a matcher, including exceptions."""
    translate: Callable[[str], str] = _fnmatch_translate
    either = "|".join(f"(?:{translate(pattern.cleaned_pattern.lower())})" for pattern in made.patterns)
    match = re.compile(either).match
    return lambda path: match(path.lower()) is not None


def loaded_files(root: Path, copy_style: str) -> list[Path]:
    """The files of a code bundle: those of imported modules, or all that the standard ignore rules leave."""
    files, _ = ls_files(root, copy_style, False, IgnoreGroup(root, StandardIgnore))  # type: ignore[arg-type]
    # `boatyard serve` keeps its state there, secrets included.
    return [path for file in files if ".boatyard" not in (path := Path(file)).parts]


def pixi_layers(layer: PixiProject | PixiScript) -> list[Layer]:
    """A pixi layer as the simpler layers that flyte sends to its remote builder."""
    project = pixi_script_to_project(layer) if isinstance(layer, PixiScript) else layer
    return pixi_project_to_primitive_layers(project)
