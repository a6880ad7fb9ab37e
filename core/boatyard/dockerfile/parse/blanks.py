"""White space as Go defines it, which differs from Python's."""

import re
from typing import Final

SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""unicode.IsSpace. Python's str.isspace includes four more control characters."""

SEPARATOR: Final = re.compile(r"[\t\v\f\r ]+")
"""White space between the words of an instruction."""


def is_space(character: str) -> bool:
    return character in SPACE
