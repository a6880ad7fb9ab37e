"""`docker-credential-boatyard-acr`: logs in to Azure's registries with the job's own identity.

That identity is the workload identity of a pod in AKS, and the managed identity of the task in ACR Tasks.

{"credHelpers": {"myregistry.azurecr.io": "boatyard-acr"}}
"""

import sys
from typing import Final

from boatyard_azure.endpoints import AzureEndpoints
from boatyard_azure.identity import find_identity
from boatyard_azure.registry.exchange import RefreshTokens
from boatyard_azure.registry.host import is_azure_registry
from boatyard_registry.http_transport import HttpTransport
from boatyard_serverless.credential_helper import RegistryLogin, answer

HELPER: Final = "docker-credential-boatyard-acr"
IDENTITY_TOKEN: Final = "<token>"  # noqa: S105 - a user's name
"""The name with which Docker and BuildKit send a helper's secret as a refresh token. With any other name BuildKit sends
a password, which ACR's token service does not take (https://github.com/Azure/acr/issues/104)."""


def login(host: str) -> RegistryLogin | None:
    """Returns a login that lasts three hours; None for a host that is not a registry of this cloud."""
    endpoints = AzureEndpoints()
    if not is_azure_registry(host, endpoints.cloud.registry):
        return None
    transport = HttpTransport()
    tokens = RefreshTokens(find_identity(transport), endpoints.resource("registry"), transport)
    return RegistryLogin(IDENTITY_TOKEN, tokens.of(host))


def main() -> int:
    return answer(login, sys.argv[1:], sys.stdin, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
