"""What a layer knows of its image: the layers before it, and the ignore patterns for all layers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from boatyard.spec import Secret
from boatyard_flyte import sdk
from boatyard_flyte.lowering.projects import ProjectUse


@dataclass
class ImageSoFar:
    ignored: tuple[str, ...] = ()
    """Patterns of the image's .dockerignore."""
    python: tuple[int, int] = (3, 0)
    beside: Path | None = None
    """The folder of the file that describes the image, if known."""
    variables: set[str] = field(default_factory=set)
    """Names of the environment variables that earlier layers have set."""

    def heed(self, layer: sdk.Layer) -> None:
        if isinstance(layer, sdk.Env):
            self.variables |= {str(name) for name, _ in layer.env_vars}

    def wanted(self, call: str, secrets: Iterable[Secret], *, whole: bool, all_members: bool = False) -> ProjectUse:
        """How a layer with these secrets needs a project."""
        names = {secret.environment_name for secret in secrets} - {""}
        return ProjectUse(
            call=call,
            ignored=self.ignored,
            beside=self.beside,
            variables=frozenset(self.variables | names),
            whole=whole,
            all_members=all_members,
        )
