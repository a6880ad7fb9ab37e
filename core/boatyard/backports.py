"""What Python 3.10 lacks of the standard library, the same on every Python. It goes when 3.11 is the oldest."""

import sys
from enum import Enum
from typing import NoReturn

__all__ = ["StrEnum", "assert_never"]

if sys.version_info >= (3, 11):
    from enum import StrEnum
    from typing import assert_never
else:

    class StrEnum(str, Enum):
        """A member is its own text."""

        __str__ = str.__str__
        __format__ = str.__format__  # type: ignore[assignment]

    def assert_never(value: NoReturn) -> NoReturn:
        """For mypy: it refuses the call if the value can still be something."""
        raise AssertionError(f"not expected: {value!r}")
