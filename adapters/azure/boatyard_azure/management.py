"""What Azure's management API knows of a registry: whether it exists, its mode of roles, and its network rules.

Asked through azure-mgmt-containerregistry, to explain what the registry itself has refused; lookups do without it. The
function needs the role Reader on the registry, or on the subscription for the registries beside it. Whoever may not ask
gets a shorter explanation.
"""

import re
from typing import TYPE_CHECKING, Final

import msgspec

from boatyard_azure.registry.host import registry_name
from boatyard_registry.kept import Kept

if TYPE_CHECKING:
    from azure.mgmt.containerregistry.models import Registry

    from boatyard_azure.rest import AzureRest

_ID: Final = re.compile(
    r"/subscriptions/(?P<subscription>[0-9A-Za-z-]+)/resourceGroups/(?P<group>[\w.()-]+)"
    r"/providers/Microsoft\.ContainerRegistry/registries/(?P<name>[A-Za-z0-9]{5,50})(?:/|\Z)",
    re.IGNORECASE,
)
_KEPT_SECONDS: Final = 60.0
_MOST: Final = 64


class RegistryId(msgspec.Struct, frozen=True):
    subscription: str
    group: str
    name: str


class RegistryFacts(msgspec.Struct, frozen=True):
    exists: bool
    """False: the subscription has no registry of this name, as far as this identity may see."""
    id: str = ""
    abac: bool = False
    """Roles of repositories (ABAC) decide, and AcrPull and AcrPush mean nothing there."""
    closed: bool = False
    """Networks that its rules do not name are refused."""


def parse_registry_id(text: str) -> RegistryId | None:
    """Of the registry's resource id, or one below it, such as a task's."""
    found = _ID.match(text)
    return RegistryId(found["subscription"], found["group"], found["name"]) if found else None


class RegistryManagement:
    """Thread-safe. `own` is the deployment's registry."""

    def __init__(self, rest: "AzureRest", own: RegistryId) -> None:
        self._rest = rest
        self._own = own
        self._kept: Kept[str, RegistryFacts] = Kept(_MOST)

    def look(self, host: str) -> RegistryFacts | None:
        """None if it cannot be said. Raises nothing."""
        if known := self._kept.get(host):
            return known
        found = self._ask(host)
        if found is not None:
            self._kept.put(host, found, seconds=_KEPT_SECONDS)
        return found

    def _ask(self, host: str) -> RegistryFacts | None:
        from azure.core.exceptions import AzureError, ResourceNotFoundError
        from azure.mgmt.containerregistry import ContainerRegistryManagementClient

        from boatyard.errors import BoatyardError
        from boatyard_azure.sdk import QUESTION, OwnCredential, options

        own, name = self._own, registry_name(host)
        try:
            made = options(self._rest, OwnCredential(self._rest))
            client = ContainerRegistryManagementClient(subscription_id=own.subscription, **made)
            if name == own.name.lower():
                return _facts(client.registries.get(own.group, own.name, **QUESTION))
            for each in client.registries.list(**QUESTION):
                if (each.name or "").lower() == name:
                    return _facts(each)
            return None  # it may be in another subscription
        except ResourceNotFoundError:
            return RegistryFacts(exists=False)
        except (AzureError, BoatyardError):
            return None


def _facts(registry: "Registry") -> RegistryFacts:
    rules = registry.network_rule_set
    return RegistryFacts(
        exists=True,
        id=registry.id or "",
        abac=registry.role_assignment_mode == "AbacRepositoryPermissions",
        closed=registry.public_network_access == "Disabled" or (rules is not None and rules.default_action == "Deny"),
    )
