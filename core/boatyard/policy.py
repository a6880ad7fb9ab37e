"""Checks the access policy in the configuration."""

import re
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from boatyard.errors import BoatyardError, Code, invalid
from boatyard.ports import Scope
from boatyard.reference import Reference
from boatyard.settings import Access, Settings

_SCOPE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def check_scope(scope: Scope) -> Scope:
    """Checks that project and domain are DNS labels (RFC 1123), because they become Kubernetes names."""
    for name, value in (("project", scope.project), ("domain", scope.domain)):
        if not _SCOPE.match(value):
            raise invalid(f"{value!r} must be lower-case letters, digits and -, at most 63", field=name)
    return scope


def narrow(access: Access, caller: str) -> Access:
    """The policy for one caller: `callers` has only the matching entries.

    Raises UNAUTHENTICATED if the policy has callers and the edge does not identify one, FORBIDDEN if no entry matches.
    """
    if not access.callers:
        return access
    if not caller:
        raise BoatyardError(Code.UNAUTHENTICATED, "the access policy names callers, and this request has none")
    matching = tuple(entry for entry in access.callers if fnmatchcase(caller, entry.match))
    if not matching:
        raise BoatyardError(Code.FORBIDDEN, f"the access policy has no entry for {caller}")
    return msgspec.structs.replace(access, callers=matching)


def allow(access: Access, scope: Scope) -> None:
    """Raises FORBIDDEN unless the policy, narrowed to its caller, allows the scope."""
    value = f"{scope.project}/{scope.domain}"
    if access.projects and not _matches(value, access.projects):
        raise BoatyardError(Code.FORBIDDEN, f"builds for {value} are not allowed here")
    if access.callers and not any(not entry.projects or _matches(value, entry.projects) for entry in access.callers):
        raise BoatyardError(Code.FORBIDDEN, f"this caller may not build for {value}")


def visible(access: Access) -> tuple[tuple[str, ...], ...]:
    """`BuildQuery.visible` for the policy's caller: the scopes that `allow` allows, as patterns."""
    groups = [access.projects] if access.projects else []
    if access.callers and all(entry.projects for entry in access.callers):
        groups.append(tuple(pattern for entry in access.callers for pattern in entry.projects))
    return tuple(groups)


def allow_repository(access: Access, target: Reference) -> None:
    """Raises FORBIDDEN unless the policy allows the target's repository."""
    if access.registries and not _matches(str(target.repository), access.registries):
        raise BoatyardError(Code.FORBIDDEN, f"the repository {target.repository} is not allowed here")


def allow_pull(access: Access, image: Reference) -> None:
    """Raises FORBIDDEN unless the policy allows builds to pull the image. Apply the rules for base images first."""
    if access.pulls and not _matches(str(image.repository), access.pulls):
        raise BoatyardError(Code.FORBIDDEN, f"builds may not pull {image.repository} here")


def trusts_base(settings: Settings, image: Reference) -> bool:
    """Whether the deployment trusts whoever publishes the image. Apply the rules for base images first."""
    return _matches(str(image.repository), settings.trusted_bases)


def _matches(value: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)
