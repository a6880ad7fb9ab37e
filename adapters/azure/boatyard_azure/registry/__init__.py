"""Azure Container Registry: its hosts' names, its tokens, and the Registry port over the distribution protocol."""

from boatyard_azure.registry.host import is_azure_registry
from boatyard_azure.registry.registry import AcrRegistry

__all__ = ["AcrRegistry", "is_azure_registry"]
