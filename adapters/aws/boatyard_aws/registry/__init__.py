"""Amazon ECR: parses its host names, and implements the Registry port with its API."""

from boatyard_aws.registry.host import EcrHost, parse_host
from boatyard_aws.registry.registry import EcrRegistry

__all__ = ["EcrHost", "EcrRegistry", "parse_host"]
