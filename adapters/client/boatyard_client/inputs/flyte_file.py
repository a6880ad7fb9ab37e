"""A flyte file: it is run, one or all of its images are picked, and the plugin for the SDK lowers them.

Neither flyte nor the plugin is a dependency of the client; both are imported when a flyte file is named.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from boatyard.api.messages import OrderRequest
from boatyard.spec import parse_spec
from boatyard_client.errors import InputError
from boatyard_client.events import OnEvent
from boatyard_client.inputs.draft import Draft, Wanted
from boatyard_client.inputs.python_file import load_module, output_on_stderr
from boatyard_client.packing import Contents, DockerIgnore, Packer

if TYPE_CHECKING:
    from boatyard_client.client import Client, Outcome


def flyte_file(path: Path, wanted: Wanted) -> Draft:
    """One image of the file. Everything that the file prints goes to standard error."""
    with output_on_stderr():
        lowering, environments, variables = _read(path)
        name, image = pick(environments, variables, wanted.image, path)
        return _lowered(lowering, name, image, path, wanted)


def flyte_images(path: Path, wanted: Wanted) -> list[Draft]:
    """Every image of the file's environments, else of its variables: each once, in the file's order."""
    with output_on_stderr():
        lowering, environments, variables = _read(path)
        meant: dict[str, Any] = {}
        for name, image in (environments or variables).items():
            if image not in meant.values():
                meant[name] = image
        if not meant:
            raise InputError(f"{path} defines no flyte.Image and no environment with one")
        return [_lowered(lowering, name, image, path, wanted) for name, image in meant.items()]


def _read(path: Path) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    lowering, flyte = _plugin(path)
    _configure(flyte)
    module = load_module(path)
    return lowering, _environments(module, flyte), _variables(module, flyte)


def _lowered(lowering: Any, name: str, image: Any, path: Path, wanted: Wanted) -> Draft:
    resolved = _with_code(image, wanted.copy_style)
    return _draft(lowering.lower(resolved, beside=path.absolute().parent), f"{path}, {name}", name)


def pick(environments: dict[str, Any], variables: dict[str, Any], name: str, path: Path) -> tuple[str, Any]:
    """The image of that name. Without one: that of the environments, or the only one there is.

    An image in a variable is often a step on the way to an environment's. Raises InputError with the choice.
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
        raise InputError(f"{path} has several images: {', '.join(meant)}; say which with --image NAME, or --all")
    return first_name, first


def _plugin(path: Path) -> tuple[Any, ModuleType]:
    try:
        return importlib.import_module("boatyard_flyte.lowering"), importlib.import_module("flyte")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("boatyard_flyte", "flyte"):
            raise
        raise InputError(
            f"{path} is a flyte file, and the plugin for flyte is not installed; pip install boatyard-flyte"
        ) from None
    except ImportError as error:
        raise InputError(" ".join(str(error).split())) from error


def _configure(flyte: ModuleType) -> None:
    """The SDK's configuration as `flyte build` finds it, but for the control plane, which is not needed."""
    config = flyte.config.auto()
    flyte.init(
        project=config.task.project,
        domain=config.task.domain,
        images=config.image.image_refs,
        image_registry=config.image.registry,
    )


def _environments(module: ModuleType, flyte: ModuleType) -> dict[str, Any]:
    """By their own names, those whose image has to be built."""
    found = [value for value in vars(module).values() if isinstance(value, flyte.Environment)]
    return {value.name: image for value in found if (image := _image_of(value, flyte)) is not None}


def _variables(module: ModuleType, flyte: ModuleType) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if isinstance(value, flyte.Image)}


def _image_of(environment: Any, flyte: ModuleType) -> Any:
    """None for an environment whose image is only a reference: there is nothing to build."""
    if environment.image in ("auto", None):
        return flyte.Image.from_debian_base()
    return environment.image if isinstance(environment.image, flyte.Image) else None


def _with_code(image: Any, copy_style: str) -> Any:
    """As flyte's build does: code bundles are part of the image with the copy style "none" only."""
    root = importlib.import_module("boatyard_flyte.sdk").root_directory()
    return importlib.import_module("flyte._image").resolve_code_bundle_layer(image, copy_style, root)


class _FlytePlugin:
    """The parts of boatyard_flyte that its own builder uses too, for one lowered image."""

    def __init__(self, lowered: Any) -> None:
        self._lowered = lowered

    def check(self, *, local: bool) -> None:
        downloads = importlib.import_module("boatyard_flyte.downloads")
        downloads.check(self._lowered.downloads, local=local)

    def ensure(
        self, client: "Client", order: OrderRequest, contents: Contents | None, *, wait: bool, tell: OnEvent
    ) -> "Outcome":
        secrets = importlib.import_module("boatyard_flyte.local_secrets")
        outcome: Outcome = secrets.ensure_with_secrets(client, self._lowered, order, contents, wait=wait, tell=tell)
        return outcome


def _draft(lowered: Any, origin: str, image: str) -> Draft:
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
        plugin=_FlytePlugin(lowered),
    )
