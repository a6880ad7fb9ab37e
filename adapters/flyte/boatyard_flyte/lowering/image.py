"""Lowers a flyte Image to its spec, files and target."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from boatyard.dockerfile.parse import spec_text
from boatyard.errors import BoatyardError, Code, invalid
from boatyard.sdk_words import call
from boatyard.spec import ImageSpec, Layer, parse_spec, spec_document
from boatyard_flyte import sdk
from boatyard_flyte.lowering import copies, ignore, packages, pixi, plain, poetry, scripts, uv
from boatyard_flyte.lowering.image_so_far import ImageSoFar
from boatyard_flyte.lowering.model import Lowered, NamedSecret
from boatyard_flyte.lowering.secrets import named
from boatyard_flyte.lowering.sources import Sources, existing


def lower(image: sdk.Image, *, beside: Path | None = None) -> Lowered:
    """Lowers the image. Reads the files that describe it (headers, patterns, a Dockerfile), and none that it copies.

    Relative paths of packages are looked up in the working directory, then in `beside`, the folder of the file that
    describes the image.

    Raises INVALID_SPEC or UNSUPPORTED with the SDK call at fault.
    """
    sources = Sources()
    layers = list(_primitive(sdk.layers_of(image)))
    so_far = ImageSoFar(ignored=tuple(ignore.patterns(image)), python=image.python_version, beside=beside)
    if image.dockerfile:
        spec = _dockerfile(image.dockerfile, tuple(sorted(sdk.named_platforms(image))))
    else:
        spec = ImageSpec(
            base_image=_base_image(image),
            python_version=".".join(map(str, image.python_version)),
            layers=tuple(made for layer in layers for made in _lower(layer, sources, so_far)),
            platform=tuple(sorted(sdk.named_platforms(image))),
        )
    secret = sdk.registry_secret(image)
    return Lowered(
        spec=_checked(spec),
        sources=tuple(sources.all),
        dockerfile=image.dockerfile,
        registry=image.registry or sdk.configured_registry() or "",
        name=image.name or "",
        registry_secret=named(secret) if secret else None,
        secrets=_secrets(layers),
        downloads=tuple(dict.fromkeys(_sites(sdk.layers_of(image)))),
    )


def _primitive(layers: Sequence[sdk.Layer]) -> Iterator[sdk.Layer]:
    for layer in layers:
        if isinstance(layer, sdk.PixiProject | sdk.PixiScript):
            yield from pixi.primitives(layer)
        else:
            yield layer


def _lower(layer: sdk.Layer, sources: Sources, so_far: ImageSoFar) -> Iterator[Layer]:
    # In the SDK, Requirements is a subclass of PipPackages, so it comes first.
    match layer:
        case sdk.Requirements():
            yield packages.requirements(layer, sources, so_far)
        case sdk.PipPackages():
            if layer.packages:
                yield packages.pip(layer, sources, so_far)
        case sdk.AptPackages():
            if layer.packages:
                yield packages.apt(layer)
        case sdk.PythonWheels():
            yield packages.wheels(layer, sources)
        case sdk.UVScript():
            yield from scripts.script(layer, sources, so_far)
        case sdk.UVProject():
            yield uv.project(layer, sources, so_far)
        case sdk.PoetryProject():
            yield poetry.project(layer, sources, so_far)
        case sdk.Commands():
            yield plain.commands(layer)
        case sdk.Env():
            so_far.heed(layer)
            yield plain.env(layer)
        case sdk.WorkDir():
            yield plain.workdir(layer)
        case sdk.CopyConfig():
            yield copies.copy(layer, sources, so_far.ignored)
        case sdk.CodeBundleLayer():
            yield copies.code_bundle(layer, sources)
        case sdk.DockerIgnore():
            return
        case sdk.DockerLines():
            plain.check_lines(layer)
        case _:
            raise BoatyardError(Code.UNSUPPORTED, f"Boatyard does not know the layer {type(layer).__name__}")


def _checked(spec: ImageSpec) -> "dict[str, object]":
    """The document, checked by the core's own rules; an error names the SDK call."""
    document = spec_document(spec)
    try:
        parse_spec(document)
    except BoatyardError as error:
        if error.layer_index is None:
            raise
        detail = f"{call(spec.layers[error.layer_index])}: {error.detail}"
        raise BoatyardError(error.code, detail, field=error.field, layer_index=error.layer_index) from None
    return document


def _secrets(layers: Sequence[sdk.Layer]) -> tuple[NamedSecret, ...]:
    mounted = (secret for layer in layers for secret in getattr(layer, "secret_mounts", None) or ())
    return tuple(dict.fromkeys(named(secret) for secret in mounted))


def _sites(layers: Sequence[sdk.Layer]) -> Iterator[str]:
    for layer in layers:
        if isinstance(layer, sdk.PixiProject | sdk.PixiScript):
            yield from pixi.sites(list(pixi.primitives(layer)))


def _base_image(image: sdk.Image) -> str:
    """The reference after FROM. A name from `from_ref_name` is looked up as in flyte's deploy."""
    if image.base_image:
        return image.base_image
    name = sdk.reference_name(image)
    if name is None:
        raise invalid("from_base: the image has no reference; was it made from an unset variable?")
    known = sdk.configured_images()
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise invalid(
            f"from_ref_name({name!r}): no image with that name is configured (known: {names}); set it in the "
            "`image` section of the configuration, or with flyte.init(images={...})"
        )
    return known[name]


def _dockerfile(path: Path, platform: tuple[str, ...]) -> ImageSpec:
    call = f"from_dockerfile({path.name!r})"
    try:
        text, encoding = spec_text(existing(path, call).read_bytes())
    except OSError as error:
        raise invalid(f"{call}: {error}") from None
    if not text.strip():
        raise invalid(f"{call}: the file is empty")
    return ImageSpec(dockerfile=text, dockerfile_encoding=encoding, platform=platform)
