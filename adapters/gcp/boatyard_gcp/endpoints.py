"""Addresses of Google's APIs, and the environment variables that move them, with the names that Google's tools read.

STORAGE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST are those of its client libraries and emulators. Of every API,
CLOUDSDK_API_ENDPOINT_OVERRIDES_<API> is gcloud's (`gcloud topic configurations`), for Private Service Connect.
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
