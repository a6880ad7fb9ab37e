"""How this job reaches BuildKit and registries: the deployment's own settings file, of which three keys matter here."""

import os
from pathlib import Path
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, convert
from boatyard.errors import invalid
from boatyard.settings import AuthenticationType, Buildkit
from boatyard.settings_document import settings_table

VARIABLE: Final = "BOATYARD_SETTINGS"


class BuilderAccess(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`buildkitUri`, `buildkit` and `authenticationType` of the settings. The rest is the function's business."""

    buildkit_uri: str = ""
    buildkit: Buildkit = Buildkit()
    authentication_type: AuthenticationType = "noop"
    wait_seconds: float = 0
    """How long a job waits for a BuildKit that cannot be reached."""


def read_access(path: Path | None) -> BuilderAccess:
    """From a TOML or JSON file; without one from the file that BOATYARD_SETTINGS names, else the defaults.

    Raises INVALID_SPEC if it cannot be read.
    """
    if path is None:
        named = os.environ.get(VARIABLE)
        if not named:
            return BuilderAccess()
        path = Path(named)
    try:
        return convert(settings_table(path.read_bytes(), path.name), BuilderAccess)
    except OSError as error:
        raise invalid(f"the settings file {path} cannot be read: {error.strerror}") from None
    except Undecodable as error:
        raise invalid(f"the settings file {path} is not valid: {error}") from None
