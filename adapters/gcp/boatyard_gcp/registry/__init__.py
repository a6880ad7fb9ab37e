"""Artifact Registry: its references, and the Registry port over the distribution protocol and Artifact Registry's
API."""

from boatyard_gcp.registry.host import is_google_registry
from boatyard_gcp.registry.registry import ArtifactRegistry

__all__ = ["ArtifactRegistry", "is_google_registry"]
