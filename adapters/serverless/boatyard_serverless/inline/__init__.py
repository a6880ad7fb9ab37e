"""Carries builds out in the function for events itself (decision 0040), without a build service.

The queue starts a build, and conditional writes of one object per build decide which invocation carries it out.
"""

from boatyard_serverless.inline.service import InlineBuilds

__all__ = ["InlineBuilds"]
