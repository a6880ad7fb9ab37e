"""Addresses of Google's APIs, and the environment variables of Google's own tools that override them.

Google's client libraries and emulators use STORAGE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST. gcloud uses
CLOUDSDK_API_ENDPOINT_OVERRIDES_<API> for every API (`gcloud topic configurations`), such as for Private Service
Connect.
"""

import os
from collections.abc import Mapping
from typing import Final, Literal

Api = Literal[
    "artifactregistry", "cloudbuild", "container", "iamcredentials", "logging", "pubsub", "secretmanager", "storage"
]

_EMULATORS: Final[Mapping[Api, str]] = {"storage": "STORAGE_EMULATOR_HOST", "pubsub": "PUBSUB_EMULATOR_HOST"}
_OVERRIDE: Final = "CLOUDSDK_API_ENDPOINT_OVERRIDES_"


def endpoint(api: Api, environ: Mapping[str, str] = os.environ) -> str:
    """The API's address, without a slash at its end."""
    named = environ.get(_OVERRIDE + api.upper(), "").strip()
    if not named and (variable := _EMULATORS.get(api)):
        named = environ.get(variable, "").strip()
        if named and "://" not in named:
            named = f"http://{named}"
    return (named or f"https://{api}.googleapis.com").rstrip("/")
