"""Shortens the cluster's refusals of the doctor's own checks."""

from typing import Final

from boatyard.errors import BoatyardError
from boatyard.finding import Finding, unknown
from boatyard_kubernetes.refusals import ClusterRefusal, RefusalReason

ASK: Final = "Run it as a user with that right, such as an administrator."


def reason_in(error: BoatyardError) -> RefusalReason | None:
    """None if the API server did not refuse: it could not be reached."""
    return error.reason if isinstance(error, ClusterRefusal) else None


def is_barred(error: BoatyardError) -> bool:
    """Whether the user lacks a right, which says nothing about builds."""
    return reason_in(error) is RefusalReason.NO_RIGHT


def reason_of(error: BoatyardError) -> str:
    """The reason, without the error's advice, which is for the function: the doctor needs more rights."""
    if isinstance(error, ClusterRefusal) and error.reason is RefusalReason.NO_RIGHT:
        return f"you may not {error.call}"
    return error.detail


def not_seen(check: str, error: BoatyardError) -> Finding:
    return unknown(check, reason_of(error), ASK if is_barred(error) else "")
