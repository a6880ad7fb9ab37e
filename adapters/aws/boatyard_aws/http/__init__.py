"""The API behind a Lambda function URL."""

from boatyard_aws.http.app import HttpApp

__all__ = ["HttpApp"]
