"""Why a build failed, out of what BuildKit and the failing step said.

A step whose process ended with an exit code is judged by that code, and by what the tool of its layer (uv, apt, Poetry)
says in its own format. What a user's command prints, or has in its text, decides no code: BuildKit's error quotes the
command, so nothing else in that error is looked for. All other errors are BuildKit's own words: about the base, the
push, the Dockerfile, a missing file, a full disk.
"""

from boatyard_buildkit.explain.explain import explain

__all__ = ["explain"]
