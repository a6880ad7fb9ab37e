"""`docker-credential-boatyard-gcr`: the login for Google's registries by the job's own identity.

It is the service account of Workload Identity on GKE, and that of the build in Cloud Build.

{"credHelpers": {"europe-west1-docker.pkg.dev": "boatyard-gcr"}}
"""

import sys
from typing import Final

from boatyard_gcp.identity import find_identity
from boatyard_gcp.registry.host import TOKEN_USER, is_google_registry
from boatyard_serverless.credential_helper import RegistryLogin, answer

HELPER: Final = "docker-credential-boatyard-gcr"


def login(host: str) -> RegistryLogin | None:
    """Lasts an hour; BuildKit asks again for each push. None for a host that is none of Google's registries."""
    return RegistryLogin(TOKEN_USER, find_identity().token()) if is_google_registry(host) else None


def main() -> int:
    return answer(login, sys.argv[1:], sys.stdin, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
