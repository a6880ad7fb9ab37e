"""What a caller may build for, decided from the configuration."""

import re
from fnmatch import fnmatchcase
from typing import Final

from boatyard.errors import BoatyardError, invalid
from boatyard.ports import Scope
from boatyard.reference import Reference
from boatyard.settings import Access, Settings

_SCOPE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def check_scope(scope: Scope) -> Scope:
    """Project and domain become Kubernetes names, so they have the form of DNS labels (RFC 1123)."""
    for name, value in (("project", scope.project), ("domain", scope.domain)):
        if not _SCOPE.match(value):
            raise invalid(f"{value!r} must be lower-case letters, digits and -, at most 63", field=name)
    return scope


def allow(access: Access, scope: Scope) -> None:
    """Raises FORBIDDEN unless the policy allows to work for the scope."""
    if access.projects and not _matches(f"{scope.project}/{scope.domain}", access.projects):
        raise BoatyardError("FORBIDDEN", f"builds for {scope.project}/{scope.domain} are not allowed here")


def allow_repository(access: Access, target: Reference) -> None:
    """Raises FORBIDDEN unless the policy allows the target's repository."""
    if access.registries and not _matches(str(target.repository), access.registries):
        raise BoatyardError("FORBIDDEN", f"the repository {target.repository} is not allowed here")


def check_platforms(settings: Settings, platforms: tuple[str, ...]) -> None:
    """Raises UNSUPPORTED before anything starts for a platform that the dataplane cannot build."""
    missing = [platform for platform in platforms if platform not in settings.platforms]
    if missing:
        raise BoatyardError(
            "UNSUPPORTED",
            f"platform {', '.join(missing)} cannot be built here; this deployment builds "
            f"{', '.join(settings.platforms)}. For another platform it needs emulation (binfmt with qemu) or a node "
            "of that architecture",
            field="spec.platform",
        )


def _matches(value: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)
