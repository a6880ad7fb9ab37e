"""Builds by a cloud's own build service, with a bucket as their memory and their lock."""

from boatyard_serverless.builds.runner import ServiceJobRunner

__all__ = ["ServiceJobRunner"]
