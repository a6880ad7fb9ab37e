"""The image that an input file describes, before its context is packed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from boatyard.api.messages import OrderRequest
from boatyard.spec import ImageSpec, parse_spec, read_spec, spec_document
from boatyard.target import Target
from boatyard_client.errors import InputError
from boatyard_client.events import OnEvent
from boatyard_client.packing import Contents, Packer, ReadingProgress

if TYPE_CHECKING:
    from boatyard_client.client import Client, Outcome


@dataclass(frozen=True, kw_only=True)
class InputOptions:
    """Options of the command line for an input."""

    image: str = ""
    """Which image of a flyte file: an environment's name or a variable's."""
    context: Path | None = None
    """The folder that copied files are looked up in."""
    copy_style: str = "loaded_modules"
    """flyte's `--copy-style`: with "none", with_code_bundle copies the code into the image."""


class Plugin(Protocol):
    """Methods of an SDK's plugin besides lowering."""

    def check(self, *, local: bool) -> None:
        """Refuses a spec that cannot be built. `local` means a build on this machine. Raises BoatyardError."""
        ...

    def ensure(
        self, client: "Client", order: OrderRequest, contents: Contents | None, *, wait: bool, tell: OnEvent
    ) -> "Outcome":
        """Like `Client.ensure_image`, with the secrets that the SDK finds on this machine."""
        ...


class PythonFiles(Protocol):
    """Reads .py files for the SDK that describes images in them. The entry points of the group below provide classes.

    Everything that the file prints goes to standard error. Both methods raise InputError.
    """

    def one(self, path: Path, wanted: InputOptions) -> "Draft":
        """One image of the file."""
        ...

    def every(self, path: Path, wanted: InputOptions) -> "list[Draft]":
        """Every image of the file's environments, or else of its variables, without duplicates, in the file's order."""
        ...


PYTHON_FILES: Final = "boatyard.python_files"
"""The entry point group."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An image to build. `packer` has its files, which are not read yet."""

    origin: str
    """The file's name for display."""
    image: str = ""
    """The name of a flyte file's image: the environment's name, or the variable's."""
    spec: ImageSpec
    packer: Packer
    registry: str = ""
    name: str = ""
    registry_secret: str = ""
    plugin: Plugin | None = None
    locked: bool = False
    """Its layers of packages are those of a lock."""

    def which(self, every: bool) -> dict[str, str]:
        """Output that identifies the image, if the file may have several."""
        return {"imageOf": self.image or self.origin} if every else {}

    def read(self, progress: Callable[[ReadingProgress], None] | None = None) -> Contents | None:
        """Reads the context; None if the spec copies nothing."""
        return self.packer.read_for(self.spec, progress=progress)

    def order(self, contents: Contents | None, **fields: Any) -> OrderRequest:
        """The request. `fields` are others of OrderRequest: target, project, domain, force."""
        return OrderRequest(
            spec=read_spec(spec_document(self.spec)),
            context=contents.context if contents else None,
            **{
                "target": Target(registry=self.registry, name=self.name),
                "registry_secret": self.registry_secret,
                **fields,
            },
        )

    def check(self, *, local: bool) -> None:
        """Refuses a spec early if the SDK's plugin knows that it cannot be built. Raises BoatyardError."""
        if self.plugin:
            self.plugin.check(local=local)

    def ensure(
        self, client: "Client", order: OrderRequest, contents: Contents | None, *, wait: bool, tell: OnEvent
    ) -> "Outcome":
        """Finds or builds the image, like `Client.ensure_image`."""
        if self.plugin:
            return self.plugin.ensure(client, order, contents, wait=wait, tell=tell)
        return client.ensure_image(order, contents, wait=wait, on_event=tell)

    def with_build_options(self, build_args: dict[str, str], target_stage: str) -> "Draft":
        """The same Dockerfile with other arguments, or another stage of it. Raises InputError for other inputs."""
        if not self.spec.dockerfile:
            raise InputError(f"{self.origin} is not a Dockerfile: --build-arg and --target are for Dockerfiles")
        document = spec_document(self.spec)
        document["buildArgs"] = self.spec.build_args | build_args
        if target_stage:
            document["targetStage"] = target_stage
        return replace(self, spec=parse_spec(document))

    def on_platforms(self, platforms: tuple[str, ...]) -> "Draft":
        """The same image for other platforms. Raises UNSUPPORTED for an unknown platform."""
        document = {**spec_document(self.spec), "platform": list(platforms)}
        return replace(self, spec=parse_spec(document))
