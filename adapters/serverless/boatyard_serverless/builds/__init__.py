"""Runs builds with a cloud's build service. A bucket has the records and the lock."""

from boatyard_serverless.builds.runner import ServiceJobRunner

__all__ = ["ServiceJobRunner"]
