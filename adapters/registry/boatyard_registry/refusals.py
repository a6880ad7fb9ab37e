"""Interprets a registry's error answers."""

import re
from typing import Final

import msgspec

from boatyard.decoding import Undecodable, decode_json
from boatyard.errors import BoatyardError, Code
from boatyard.reference import Reference
from boatyard_registry.transport import Answer

_ABSENT: Final = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "NOT_FOUND"})
"""Error codes of a registry's own 404. Harbor uses NOT_FOUND for all of them."""
_CODE: Final = re.compile(r"[A-Za-z_]{1,64}\Z")
_MOST_CODES: Final = 5


class _ErrorEntry(msgspec.Struct, frozen=True):
    code: str = ""


class _ErrorBody(msgspec.Struct, frozen=True):
    errors: tuple[_ErrorEntry, ...] = ()


def is_absent(answer: Answer) -> bool:
    """Whether the registry itself reports that it is missing. A proxy's 404 does not count."""
    return answer.status == 404 and bool(_ABSENT & _error_codes(answer))


def refusal(reference: Reference, answer: Answer) -> BoatyardError:
    """REGISTRY_DENIED for 401 and 403, else REGISTRY_UNAVAILABLE, because the image may or may not exist.

    Some registries answer 403 for a repository that does not exist. Clients cannot distinguish that from a missing
    permission, so 403 never counts as "not found".
    """
    host = reference.repository.host
    if answer.status in (401, 403):
        return BoatyardError(
            Code.REGISTRY_DENIED, f"the registry {host} refuses access to {reference.repository.path} ({answer.status})"
        )
    codes = ", ".join(sorted(code for code in _error_codes(answer) if _CODE.match(code))[:_MOST_CODES])
    return BoatyardError(
        Code.REGISTRY_UNAVAILABLE,
        f"the registry {host} answered {answer.status} {codes or 'without a reason'} for {reference}",
    )


def garbage(reference: Reference, what: str) -> BoatyardError:
    return BoatyardError(Code.REGISTRY_UNAVAILABLE, f"the registry {reference.repository.host} {what}, for {reference}")


def _error_codes(answer: Answer) -> set[str]:
    """The `errors[].code` of a registry's answer; empty for other documents."""
    try:
        return {entry.code for entry in decode_json(answer.body, _ErrorBody).errors}
    except Undecodable:
        return set()
