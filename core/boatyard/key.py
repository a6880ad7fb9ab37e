"""Computes keys, which identify images before they exist.

The key of an image is sha256 over everything that can change it. Every layer also has a chain key: the key of the
prefix that ends with it.
"""

from typing import Final

import msgspec

from boatyard import canonical
from boatyard.backports import assert_never
from boatyard.context import Context
from boatyard.dockerfile.environment import ordered
from boatyard.dockerfile.frame import owner_of_copies
from boatyard.settings import Output
from boatyard.spec import (
    AptPackages,
    Commands,
    CopyConfig,
    Env,
    ImageSpec,
    Layer,
    PipOptions,
    PipPackages,
    PoetryProject,
    PythonWheels,
    Requirements,
    Secret,
    UVProject,
    UVScript,
    WorkDir,
    kind_of,
)

SCHEMA: Final = "boatyard/key/2"
"""Increase it with every change of a spec's meaning: the lowering, the encoding, a default, uv's version."""

PREFIX_SCHEMA: Final = "boatyard/prefix/1"
"""Increase it with every change of the layers that a maker makes from equal input. SCHEMA is part of these keys too."""

TAG_LENGTH: Final = 32
"""Hex digits of a key in the tag: 128 bits."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """The deployment's inputs to a key, besides the spec."""

    base_image: str
    """The base after the deployment's rules; empty for a Dockerfile."""
    platforms: tuple[str, ...]
    replaced: tuple[tuple[str, str], ...] = ()
    """Images that a Dockerfile names, including its frontend, and their replacements by the rules."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets that RUN steps of a Dockerfile get."""
    uv_image: str
    output: Output
    secrets_of: tuple[str, ...] = ()
    """The project and domain of the spec's secrets."""
    registry_secret: str = ""
    """Name of the secret that pulls the base, so that orders with another one never get the same image."""
    realm: str = ""
    """`Realm.key` of the builds, without which nobody can compute the key."""


class Keys(msgspec.Struct, frozen=True):
    image: str
    base: str
    """The key of the empty prefix: base, Python and platforms."""
    layers: tuple[str, ...]
    prefixes: tuple[str, ...] = ()
    """For images in the registry that end with the opening or with a layer, the opening first. A job completes each
    with what only it knows (`prefix_key`)."""

    @property
    def tag(self) -> str:
        return self.image[:TAG_LENGTH]


def compute(spec: ImageSpec, ground: Ground, context: Context | None) -> Keys:
    base = canonical.digest(
        (
            SCHEMA,
            ground.realm,
            (ground.registry_secret, ground.secrets_of) if ground.registry_secret else None,
            ground.base_image,
            spec.python_version,
            tuple(sorted(set(ground.platforms))),
            ground.uv_image,
            _dockerfile(spec, ground, context),
        )
    )
    chain: list[str] = []
    prefixes = [_opening(spec, ground)] if not spec.dockerfile else []
    owner = owner_of_copies(spec)
    for layer in spec.layers:
        identity = _layer(layer, context)
        if getattr(layer, "secret_mounts", ()):
            # A name has a different value in each project, and a value can decide what a step fetches and runs.
            identity = (identity, ground.secrets_of)
        chain.append(canonical.digest((chain[-1] if chain else base, identity)))
        prefixes.append(canonical.digest((prefixes[-1], identity, owner if isinstance(layer, CopyConfig) else "")))
    output = ground.output
    image = canonical.digest(
        (
            "image",
            chain[-1] if chain else base,
            output.compression,
            output.compression_level,
            output.provenance,
            output.sbom,
            output.reproducible,
        )
    )
    return Keys(image, base, tuple(chain), tuple(prefixes))


def prefix_key(planned: str, base_digest: str, platform: str) -> str:
    """The key of a prefix on one base and platform: a base that moved starts another chain.

    `planned` is one of `Keys.prefixes`, `base_digest` the digest of the base's manifest for the platform.
    """
    return canonical.digest((planned, base_digest, platform))


def _opening(spec: ImageSpec, ground: Ground) -> str:
    """Unlike `Keys.base`, it has neither the name of the base nor the platforms: a job knows the base's digest."""
    return canonical.digest(
        (
            PREFIX_SCHEMA,
            SCHEMA,
            ground.realm,
            (ground.registry_secret, ground.secrets_of) if ground.registry_secret else None,
            spec.python_version,
            ground.uv_image,
            ground.output.compression,
            ground.output.compression_level,
            ground.output.reproducible,
        )
    )


def paths_of(layer: Layer) -> tuple[str, ...]:
    """The context paths whose contents decide what a layer does."""
    match layer:
        case CopyConfig(src=src):
            return (src,)
        case PipPackages(source_dir=folder):
            return _named(folder)
        case Requirements():
            return _named(layer.file, layer.source_dir)
        case PythonWheels(dir=folder):
            return (folder,)
        case UVProject():
            return _named(layer.pyproject, layer.uvlock, layer.source_dir)
        case UVScript():
            return _named(layer.script, layer.lock, layer.folder)
        case PoetryProject():
            return _named(layer.pyproject, layer.poetry_lock, layer.source_dir)
        case AptPackages() | Commands() | Env() | WorkDir():
            return ()
    assert_never(layer)


def _named(*paths: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for path in paths if path))


def layer_identity(layer: Layer, context: Context | None) -> str:
    """A layer's own part of the chain: two layers with the same identity do the same with the same files."""
    return canonical.digest(_layer(layer, context))


def _dockerfile(spec: ImageSpec, ground: Ground, context: Context | None) -> canonical.Value:
    if not spec.dockerfile:
        return None
    return (
        spec.dockerfile,
        spec.dockerfile_encoding,
        tuple(sorted(spec.build_args.items())),
        spec.target_stage,
        _tree(".", context) if context else None,
        (ground.secrets, ground.secrets_of) if ground.secrets else None,
        *ground.replaced,
    )


def _layer(layer: Layer, context: Context | None) -> canonical.Value:
    if isinstance(layer, Env):
        layer = Env(env_variables=ordered(layer.env_variables))
    fields = tuple((name, _value(getattr(layer, name))) for name in layer.__struct_fields__)
    files = tuple((path, _tree(path, context)) for path in paths_of(layer))
    return (kind_of(layer), fields, files)


def _tree(path: str, context: Context | None) -> canonical.Value:
    if context is None:
        return None
    return context.trees.get(path) or ("archive", context.sha256)


def _value(value: object) -> canonical.Value:
    match value:
        case bool() | int() | str():
            return value
        case tuple():
            return tuple(_value(item) for item in value)
        case dict():
            return tuple((name, _value(item)) for name, item in value.items())
        case PipOptions() | Secret() | Env():
            return tuple((name, _value(getattr(value, name))) for name in value.__struct_fields__)
    raise TypeError(f"no key for {type(value).__name__}")
