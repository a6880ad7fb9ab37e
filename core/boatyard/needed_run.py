"""What of an order is known to run commands, by name, for dataplanes that cannot run them."""

from typing import Final

import msgspec

from boatyard import sdk_words
from boatyard.errors import BoatyardError, Code
from boatyard.job_steps import maker_of
from boatyard.settings import Settings
from boatyard.spec import ImageSpec, Layer, PoetryProject, kind_of

ELSEWHERE: Final = "Use an image that has been built elsewhere as the base, or ask the operator for"
"""The beginning of the advice of every such refusal."""


class NeededRun(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    field: str = "spec.platform"
    layer_index: int | None = None

    def refusal(self, reason: str) -> BoatyardError:
        """`reason` follows the name."""
        return BoatyardError(Code.UNSUPPORTED, f"{self.name} {reason}", field=self.field, layer_index=self.layer_index)


def needed_run(spec: ImageSpec) -> NeededRun | None:
    """The first step that runs commands. Others can turn out to, when the job looks."""
    if spec.dockerfile:
        return NeededRun(name="a Dockerfile", field="spec.dockerfile")
    for index, layer in enumerate(spec.layers):
        if _runs(layer):
            name = f"layer {index}, {sdk_words.call(layer) or kind_of(layer)},"
            return NeededRun(name=name, field=f"spec.layers[{index}]", layer_index=index)
    return None


def needed_by_settings(settings: Settings) -> NeededRun | None:
    """The setting with which BuildKit makes every image as a whole, and so runs its first commands."""
    if settings.layers != "registry":
        return NeededRun(name=f"the setting layers = {settings.layers!r}")
    if settings.output.sbom:
        return NeededRun(name="the setting output.sbom")
    if settings.output.provenance != "off":
        return NeededRun(name=f"the setting output.provenance = {settings.output.provenance!r}")
    return None


def _runs(layer: Layer) -> bool:
    # Poetry itself is made from wheels, and then installs its project.
    return maker_of(layer) == "run" or isinstance(layer, PoetryProject)
