"""What an input file says, before its files are packed."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from boatyard.api.messages import OrderRequest
from boatyard.spec import ImageSpec, SpecDocument, parse_spec, spec_document
from boatyard.target import Target
from boatyard_client.packing import Packed, Packer, context_paths


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line says about an input, besides its name."""

    image: str = ""
    """Which image of a flyte file: an environment's name or a variable's."""
    context: Path | None = None
    """The folder that copied files are looked up in."""
    copy_style: str = "loaded_modules"
    """flyte's `--copy-style`: with "none", with_code_bundle copies the code into the image."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One image to be. `packer` knows its files and has read none of them."""

    origin: str
    """The file, as a person knows it."""
    spec: ImageSpec
    packer: Packer
    registry: str = ""
    name: str = ""
    registry_secret: str = ""
    notes: tuple[str, ...] = field(default=())
    """What a person should be told, a sentence each."""

    def pack(self) -> Packed | None:
        """The context; None if the spec copies nothing. The caller closes it."""
        return None if self.packer.empty else self.packer.pack(context_paths(self.spec))

    def order(self, packed: Packed | None, **fields: Any) -> OrderRequest:
        """The request; `fields` are others of OrderRequest: target, project, domain, force."""
        return OrderRequest(
            spec=msgspec.convert(spec_document(self.spec), SpecDocument),
            context=packed.context if packed else None,
            **{
                "target": Target(registry=self.registry, name=self.name),
                "registry_secret": self.registry_secret,
                **fields,
            },
        )

    def on_platforms(self, platforms: tuple[str, ...]) -> "Draft":
        """The same image for other platforms. Raises UNSUPPORTED for one that nobody can build."""
        document = {**spec_document(self.spec), "platform": list(platforms)}
        return replace(self, spec=parse_spec(document))
