"""`docker-credential-boatyard-gcr`: Docker's credential helper for Google's registries, with the job's identity.

On GKE that is the service account of Workload Identity, in Cloud Build the build's service account.

{"credHelpers": {"europe-west1-docker.pkg.dev": "boatyard-gcr"}}
"""

import sys
from typing import Final

from boatyard_gcp.identity import find_identity
from boatyard_gcp.registry.host import TOKEN_USER, is_google_registry
from boatyard_serverless.credential_helper import RegistryLogin, answer

HELPER: Final = "docker-credential-boatyard-gcr"


def login(host: str) -> RegistryLogin | None:
    """A login that is valid for an hour; BuildKit requests one for each push. None for hosts other than Google's
    registries."""
    return RegistryLogin(TOKEN_USER, find_identity().token()) if is_google_registry(host) else None


def main() -> int:
    return answer(login, sys.argv[1:], sys.stdin, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
