"""The HTTP API, defined once and served by every adapter: messages, operations, dispatch, OpenAPI."""

from boatyard.api.app import Api
from boatyard.api.http import Request, Response

__all__ = ["Api", "Request", "Response"]
