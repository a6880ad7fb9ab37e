"""Explains why a build failed, from the output of BuildKit and of the failing step.

If a step's process ended with an exit code, that code decides, and the messages of its layer's tool (uv, apt, Poetry)
in their own format. The text and the output of a user's command never decide: BuildKit's error quotes the command, so
nothing else is searched for in that error. All other errors are BuildKit's own messages: about the base, the push, the
Dockerfile, a missing file, a full disk.
"""

from boatyard_buildkit.explain.explain import explain

__all__ = ["explain"]
