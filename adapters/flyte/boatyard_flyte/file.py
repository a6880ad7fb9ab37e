"""Runs a flyte file for the command line and lowers one or all of its images.

The client finds `FlyteFiles` as an entry point (`boatyard_client.inputs.draft.PythonFiles`).
"""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import flyte
from flyte._image import resolve_code_bundle_layer

from boatyard.api.messages import OrderRequest
from boatyard.spec import parse_spec
from boatyard_client.errors import InputError
from boatyard_client.events import OnEvent
from boatyard_client.inputs.draft import Draft, InputOptions
from boatyard_client.inputs.python_file import load_module, output_on_stderr
from boatyard_client.packing import Contents, DockerIgnore, Packer
from boatyard_flyte import downloads
from boatyard_flyte.local_secrets import ensure_with_secrets
from boatyard_flyte.lowering import Lowered, lower
from boatyard_flyte.sdk import root_directory

if TYPE_CHECKING:
    from boatyard_client.client import Client, Outcome


class FlyteFiles:
    """Implements `boatyard_client.inputs.draft.PythonFiles`."""

    def one(self, path: Path, wanted: InputOptions) -> Draft:
        with output_on_stderr():
            environments, variables = _read(path)
            name, image = pick(environments, variables, wanted.image, path)
            return _lowered(name, image, path, wanted)

    def every(self, path: Path, wanted: InputOptions) -> list[Draft]:
        with output_on_stderr():
            environments, variables = _read(path)
            meant: dict[str, Any] = {}
            for name, image in (environments or variables).items():
                if image not in meant.values():
                    meant[name] = image
            if not meant:
                raise InputError(f"{path} defines no flyte.Image and no environment with one")
            return [_lowered(name, image, path, wanted) for name, image in meant.items()]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    _configure()
    module = load_module(path)
    return _environments(module), _variables(module)


def _lowered(name: str, image: Any, path: Path, wanted: InputOptions) -> Draft:
    resolved = _with_code(image, wanted.copy_style)
    return _draft(lower(resolved, beside=path.absolute().parent), f"{path}, {name}", name)


def pick(environments: dict[str, Any], variables: dict[str, Any], name: str, path: Path) -> tuple[str, Any]:
    """The image with that name. Without a name: the environments' image, or the only one.

    A variable often holds an intermediate image of an environment's. Raises InputError that lists the choices.
    """
    images = {**variables, **environments}
    if name:
        if name in images:
            return name, images[name]
        known = f"it has {', '.join(images)}" if images else "it has none"
        raise InputError(f"{path} has no image or environment {name!r}; {known}")
    if not images:
        raise InputError(f"{path} defines no flyte.Image and no environment with one")
    meant = environments or variables
    first_name, first = next(iter(meant.items()))
    if any(image != first for image in meant.values()):
        raise InputError(f"{path} has several images: {', '.join(meant)}; choose one with --image NAME, or use --all")
    return first_name, first


def _configure() -> None:
    """Loads the SDK's configuration as `flyte build` does, without the control plane, which is not needed."""
    config = flyte.config.auto()
    flyte.init(
        project=config.task.project,
        domain=config.task.domain,
        images=config.image.image_refs,
        image_registry=config.image.registry,
    )


def _environments(module: ModuleType) -> dict[str, Any]:
    """Environments by name, limited to those whose image has to be built."""
    found = [value for value in vars(module).values() if isinstance(value, flyte.Environment)]
    return {value.name: image for value in found if (image := _image_of(value)) is not None}


def _variables(module: ModuleType) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if isinstance(value, flyte.Image)}


def _image_of(environment: Any) -> Any:
    """None for an environment whose image is only a reference: there is nothing to build."""
    if environment.image in ("auto", None):
        return flyte.Image.from_debian_base()
    return environment.image if isinstance(environment.image, flyte.Image) else None


def _with_code(image: Any, copy_style: str) -> Any:
    """Adds the code bundle, as flyte's build does: only the copy style "none" makes it part of the image."""
    return resolve_code_bundle_layer(image, copy_style, root_directory())  # type: ignore[arg-type]


class _Plugin:
    """The plugin's extra steps for one lowered image, as `builder` takes them too."""

    def __init__(self, lowered: Lowered) -> None:
        self._lowered = lowered

    def check(self, *, local: bool) -> None:
        downloads.check(self._lowered.downloads, local=local)

    def ensure(
        self, client: "Client", order: OrderRequest, contents: Contents | None, *, wait: bool, tell: OnEvent
    ) -> "Outcome":
        return ensure_with_secrets(client, self._lowered, order, contents, wait=wait, tell=tell)


def _draft(lowered: Lowered, origin: str, image: str) -> Draft:
    packer = Packer()
    for source in lowered.sources:
        source.add_to(packer)
    if lowered.dockerfile is not None:
        folder = lowered.dockerfile.absolute().parent
        packer.add_build_context(folder, ignore=DockerIgnore.of_context(folder, lowered.dockerfile))
    secret = lowered.registry_secret
    return Draft(
        origin=origin,
        image=image,
        spec=parse_spec(lowered.spec),
        packer=packer,
        registry=lowered.registry,
        name=lowered.name,
        registry_secret=secret.name if secret else "",
        plugin=_Plugin(lowered),
    )
