"""What the cluster does not let the doctor look at, in its own words and fewer of them."""

from typing import Final

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, unknown
from boatyard_kubernetes.refusals import ClusterRefusal, RefusalReason

ASK: Final = "Ask as somebody who may, such as an administrator."


def reason_in(error: BoatyardError) -> RefusalReason | None:
    """None if the API server did not refuse: it could not be reached."""
    return error.reason if isinstance(error, ClusterRefusal) else None


def is_barred(error: BoatyardError) -> bool:
    """Whether whoever looks may not, which says nothing of builds."""
    return reason_in(error) is RefusalReason.NO_RIGHT


def reason_of(error: BoatyardError) -> str:
    """The advice in a refusal is for the function, whose rights are fewer than what a look takes."""
    if isinstance(error, ClusterRefusal) and error.reason is RefusalReason.NO_RIGHT:
        return f"you may not {error.call}"
    return error.detail


def not_seen(check: str, error: BoatyardError) -> Finding:
    return unknown(check, reason_of(error), ASK if is_barred(error) else "")
