"""Artifact Registry: where its hosts lead, and the Registry port over the distribution protocol and its own API."""

from boatyard_gcp.registry.host import is_google_registry
from boatyard_gcp.registry.registry import ArtifactRegistry
from boatyard_gcp.registry.repositories import NewGarRepositories

__all__ = ["ArtifactRegistry", "NewGarRepositories", "is_google_registry"]
