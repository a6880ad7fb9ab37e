"""Why a build failed, out of what BuildKit and the failing step said.

Evidence decides in this order: what BuildKit itself reports (the base, the push, the Dockerfile, a
missing file, a full disk), then the output of the failing step, read only by the rules of the tool that
the step runs. So a command that prints another tool's error message is still just a command that failed.
"""

from boatyard_buildkit.explain.explain import explain

__all__ = ["explain"]
