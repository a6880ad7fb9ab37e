"""Events: messages of a queue, and what EventBridge tells."""

from boatyard_aws.events.app import EventApp

__all__ = ["EventApp"]
