"""The error for a Dockerfile that BuildKit cannot read."""

from boatyard.errors import BoatyardError, Code

FIELD = "spec.dockerfile"


def unreadable(line: int, reason: str) -> BoatyardError:
    """INVALID_DOCKERFILE. `line` counts from 1; 0 for the file as a whole."""
    where = f"line {line} of the Dockerfile" if line else "the Dockerfile"
    return BoatyardError(Code.INVALID_DOCKERFILE, f"{where}: {reason}", field=FIELD)
