"""Parses references to Artifact Registry: location, project and repository.

https://cloud.google.com/artifact-registry/docs/docker/names:
`<location>-docker.pkg.dev/<project>/<repository>/<image>`. An older, domain-scoped project is two parts of the path,
`example.com/project`. Artifact Registry also serves gcr.io and its regions, from repositories of those names.
"""

import re
from typing import Final

import msgspec

from boatyard.reference import Reference

TOKEN_USER: Final = "oauth2accesstoken"  # noqa: S105 - a user's name
"""The user name for an access token as password
(https://cloud.google.com/artifact-registry/docs/docker/authentication#token)."""
_DOCKER: Final = re.compile(r"(?P<location>[a-z][a-z0-9-]{0,62})-docker\.pkg\.dev\Z")
_GCR: Final = frozenset({"gcr.io", "us.gcr.io", "eu.gcr.io", "asia.gcr.io"})


def is_google_registry(host: str) -> bool:
    return host in _GCR or _DOCKER.match(host) is not None


class GarRepository(msgspec.Struct, frozen=True):
    """A repository of Artifact Registry, which holds many images."""

    location: str
    project: str
    id: str

    @property
    def name(self) -> str:
        return f"projects/{self.project}/locations/{self.location}/repositories/{self.id}"


def repository_of(reference: Reference) -> GarRepository | None:
    """None for gcr.io, and for a path that is too short for an image's name."""
    found = _DOCKER.match(reference.repository.host)
    if not found:
        return None
    project, *rest = reference.repository.path.split("/")
    if "." in project and rest:
        project = f"{project}:{rest.pop(0)}"
    return GarRepository(found["location"], project, rest[0]) if len(rest) > 1 else None
