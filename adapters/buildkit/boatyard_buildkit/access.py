"""Reads how this job reaches BuildKit and registries: three keys of the deployment's settings file."""

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
    """`buildkitUri`, `buildkit` and `authenticationType` of the settings. Only the function uses the rest."""

    buildkit_uri: str = ""
    buildkit: Buildkit = Buildkit()
    authentication_type: AuthenticationType = "noop"
    absent: bool = False
    """Whether there is no BuildKit at all, so that the job can only make what needs none."""
    wait_seconds: float = 0
    """How long a job waits for a BuildKit that it cannot reach."""


def read_access(path: Path | None) -> BuilderAccess:
    """Reads a TOML or JSON file, by default the one that BOATYARD_SETTINGS names. Without a file, returns the defaults.

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
