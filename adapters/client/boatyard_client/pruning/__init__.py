"""Removes from a repository what Boatyard kept there and nothing needs any more."""

from boatyard_client.pruning.prune import Artifact, Pruned, prune

__all__ = ["Artifact", "Pruned", "prune"]
