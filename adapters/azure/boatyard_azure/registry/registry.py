"""The Registry port over Azure Container Registry.

Images are looked up as in any OCI registry. ACR creates a repository for its first push, so none is ever missing. A
lock on a tag is an attribute in ACR's own API
(https://learn.microsoft.com/azure/container-registry/container-registry-image-lock). A registry of another subscription
needs the same role there; one of another tenant takes no token of this identity.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from boatyard.build import Image
from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_azure.faults import NeededAzureRole
from boatyard_azure.registry.exchange import RefreshTokens
from boatyard_azure.registry.host import registry_name
from boatyard_azure.registry.keychain import AcrKeychain
from boatyard_azure.rest import AzureRest
from boatyard_registry import OciRegistry
from boatyard_registry.client import RegistryCall
from boatyard_registry.transport import NoSuchHost
from boatyard_serverless.faults import REGISTRY

if TYPE_CHECKING:
    from boatyard_azure.management import RegistryFacts

_TIMEOUT_SECONDS: Final = 10.0
_LARGEST: Final = 64 * 1024
_ROLES: Final = {True: "Container Registry Repository Reader", False: "AcrPull"}
"""By whether roles of repositories (ABAC) decide in the registry."""

Look = Callable[[str], "RegistryFacts | None"]


class _Attributes(msgspec.Struct, frozen=True):
    writeable: bool = msgspec.field(name="writeEnabled", default=True)


class _Tag(msgspec.Struct, frozen=True):
    attributes: _Attributes = msgspec.field(name="changeableAttributes", default=_Attributes())


class _TagAnswer(msgspec.Struct, frozen=True):
    tag: _Tag = _Tag()


class AcrRegistry:
    """Implements `boatyard.ports.Registry` for this cloud's registries. Thread-safe."""

    def __init__(
        self,
        rest: AzureRest,
        registry_id: str = "",
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        images: OciRegistry | None = None,
    ) -> None:
        """`registry_id`: the resource id of the deployment's registry, or of its task; without it, refusals are
        explained less."""
        self._rest = rest
        self._images = images or OciRegistry(
            keychain=AcrKeychain(
                RefreshTokens(rest.identity, rest.endpoints.resource("registry"), rest.transport),
                rest.endpoints.cloud.registry,
            ),
            transport=rest.transport,
            timeout_seconds=timeout_seconds,
        )
        self._look = _management(rest, registry_id)

    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        """See the port."""
        try:
            return self._images.find(reference, platforms)
        except BoatyardError as error:
            raise self._explained(error, reference) from None

    def replaceable(self, reference: Reference) -> bool:
        """See the port. Whoever may not read a tag's attributes learns of a lock from the push."""
        host, path = reference.repository.host, reference.repository.path
        if not reference.tag:
            return True
        call = RegistryCall(
            method="GET",
            repository=reference.repository,
            path=f"https://{host}/acr/v1/{quote(path)}/_tags/{quote(reference.tag)}",
            actions="metadata_read",
            headers={"accept": "application/json"},
            limit=_LARGEST,
        )
        try:
            answer = self._images.client.send(call)
        except BoatyardError as error:
            if error.code == REGISTRY.denied:
                return True
            raise self._explained(error, reference) from None
        if answer.status != 200:
            return True
        try:
            return decode_json(answer.body, _TagAnswer).tag.attributes.writeable
        except Undecodable:
            return True

    def _explained(self, error: BoatyardError, reference: Reference) -> BoatyardError:
        host = reference.repository.host
        missing = isinstance(error.__cause__, NoSuchHost)
        if not missing and error.code != REGISTRY.denied:
            return error
        facts = self._look(host)
        if missing:
            return _without_address(host, facts)
        if facts and facts.closed:
            return BoatyardError(
                error.code,
                f"{error.detail}: its network rules refuse networks that they do not name. Add this network to them, "
                "or give the registry a private endpoint in it",
            )
        return BoatyardError(error.code, f"{error.detail}: {self._advice(host, facts)}")

    def _advice(self, host: str, facts: "RegistryFacts | None") -> str:
        need = NeededAzureRole(
            permission="pull",
            resource=host,
            role=_ROLES[facts.abac] if facts else f"{_ROLES[False]} (with ABAC: {_ROLES[True]})",
            scope=facts.id if facts and facts.id else f"$(az acr show --name {registry_name(host)} --query id -o tsv)",
        )
        return need.advice(self._rest.identity.assignee())


def _without_address(host: str, facts: "RegistryFacts | None") -> BoatyardError:
    name = registry_name(host)
    if facts and not facts.exists:
        create = f"az acr create --name {name} --resource-group GROUP --sku Standard"
        return BoatyardError(Code.REPOSITORY_NOT_FOUND, f"there is no registry {host}: {create}")
    if facts:
        why = "the registry exists, so a private DNS zone has no record of it"
    else:
        why = "there is no registry of this name, or a private DNS zone has no record of it"
    return BoatyardError(Code.REGISTRY_UNAVAILABLE, f"{host} has no address here: {why}")


def _management(rest: AzureRest, registry_id: str) -> Look:
    from boatyard_azure.management import RegistryManagement, parse_registry_id

    own = parse_registry_id(registry_id)
    return RegistryManagement(rest, own).look if own else lambda host: None
