"""The function's configuration: the variables of `boatyard_serverless.configuration`, and those that are Azure's own.

BOATYARD_STORAGE_ACCOUNT     name of the storage account that holds the container and the queues; required
BOATYARD_BUCKET              name of the container
BOATYARD_SETTINGS            may be az://container/blob
BOATYARD_DEPLOYMENT_KEY      the secret's identifier, https://<vault>/secrets/<name>, in a vault that no job may read
BOATYARD_RUNNER              kubernetes | acrtasks | inline
BOATYARD_INLINE_OTHER        acrtasks                                   (runner inline)
BOATYARD_CLUSTER             resource id of the AKS cluster, /subscriptions/…/managedClusters/<name>
BOATYARD_ACR_TASK            resource id of the task that runs builds       (runner acrtasks, as the next two)
BOATYARD_ACR_POOL            name of an agent pool; Azure's own machines without it
BOATYARD_VAULT               name or address of the vault with users' secrets; the runner inline needs it, too
BOATYARD_REGISTRY_ID         resource id of the registry, which the doctor and the repository's checks look at
BOATYARD_QUEUE, BOATYARD_DEAD_LETTERS   names of queues in the storage account
BOATYARD_INVOKERS_CHECKED    true: App Service authentication lets nobody in whom it has not checked, so the function
                             believes what it says of a caller. Terraform sets it
BOATYARD_ANONYMOUS           true: requests without a checked caller are taken. Excludes BOATYARD_INVOKERS_CHECKED

AZURE_CLIENT_ID names the function's identity, AZURE_AUTHORITY_HOST the cloud (`boatyard_azure.endpoints`).
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from boatyard.errors import invalid
from boatyard_azure.deployment_key import parse_key_url
from boatyard_azure.endpoints import AzureEndpoints
from boatyard_serverless.configuration import (
    KUBERNETES,
    BucketByName,
    FunctionConfiguration,
    read_configuration,
    read_settings,
    require,
)

_SCHEME: Final = "az://"
_NEEDED: Final = {"kubernetes": "cluster", "acrtasks": "acr_task"}
_CONTAINER: Final = re.compile(r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]\Z")
"""Of containers and queues (https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata)."""
_FORM: Final = "lower-case letters, digits and single dashes"
_RESOURCE: Final = re.compile(
    r"/subscriptions/[0-9A-Za-z-]+/resourceGroups/[\w.()-]+/providers/(?P<kind>[\w.]+(?:/[A-Za-z]+/[\w-]+)*/[A-Za-z]+)/"
    r"[\w-]+\Z",
    re.IGNORECASE,
)


class Configuration(FunctionConfiguration, frozen=True, kw_only=True):
    storage_account: str
    runner: Literal["kubernetes", "acrtasks", "inline"]
    inline_other: Literal["", "acrtasks"] = ""
    acr_task: str = ""
    acr_pool: str = ""
    vault: str = ""
    registry_id: str = ""
    invokers_checked: bool = False


def configure(variables: Mapping[str, str], bucket: BucketByName) -> Configuration:
    """Raises INVALID_SPEC that names the variable, or what `bucket` raises for settings in a blob."""
    settings = read_settings(variables, scheme=_SCHEME, bucket=bucket)
    made = read_configuration(variables, settings, Configuration, needed=_NEEDED)
    if made.invokers_checked and made.anonymous:
        raise invalid("BOATYARD_INVOKERS_CHECKED and BOATYARD_ANONYMOUS exclude each other: set one of them")
    for field in ("bucket", "queue", "dead_letters"):
        name = getattr(made, field)
        if name and not _CONTAINER.match(name):
            kind = "container" if field == "bucket" else "queue"
            raise invalid(f"BOATYARD_{field.upper()} is no name of a {kind} ({_FORM})")
    _check_resource(made.cluster, "Microsoft.ContainerService/managedClusters", "BOATYARD_CLUSTER")
    _check_resource(made.registry_id, "Microsoft.ContainerRegistry/registries", "BOATYARD_REGISTRY_ID")
    _check_vaults(made, AzureEndpoints(variables))
    return made


def _check_vaults(made: Configuration, endpoints: AzureEndpoints) -> None:
    endpoints.authority()  # checked before the first token is asked for
    address, _ = parse_key_url(made.deployment_key)
    key_vault = endpoints.vault(address)
    if made.runner == KUBERNETES:
        return
    require(made, made.runner, "vault")
    if endpoints.vault(made.vault).lower() == key_vault.lower():
        raise invalid(
            "BOATYARD_VAULT is the vault of BOATYARD_DEPLOYMENT_KEY: builds read every secret of their vault, and the "
            "deployment's key must not be among them"
        )


def _check_resource(identity: str, kind: str, variable: str) -> None:
    if not identity:
        return
    found = _RESOURCE.match(identity)
    if found is None or found["kind"].lower() != kind.lower():
        raise invalid(f"{variable} is no resource id of {kind}")
