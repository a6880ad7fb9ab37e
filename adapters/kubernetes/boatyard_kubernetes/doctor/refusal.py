"""What the cluster does not let the doctor look at, in its own words and fewer of them."""

import re
from typing import Final

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, unknown

_RBAC: Final = re.compile(r"RBAC does not allow to (.+?): ")
ASK: Final = "Ask as somebody who may, such as an administrator."


def is_barred(error: BoatyardError) -> bool:
    """Whether whoever looks may not, which says nothing of builds."""
    return _RBAC.match(error.detail) is not None


def reason_of(error: BoatyardError) -> str:
    """The advice in a refusal is for the function, whose rights are fewer than what a look takes."""
    missing = _RBAC.match(error.detail)
    return f"you may not {missing[1]}" if missing else error.detail


def not_seen(check: str, error: BoatyardError) -> Finding:
    return unknown(check, reason_of(error), ASK if is_barred(error) else "")
