"""Runs builds with a cloud's build service, and keeps the records and the lock in a bucket."""

from boatyard_serverless.builds.runner import ServiceJobRunner

__all__ = ["ServiceJobRunner"]
