"""Image references, parsed once into a type and never passed on as strings.

Grammar: the distribution project's `reference` package
(https://github.com/distribution/reference/blob/main/regexp.go), with Docker's defaults: no host means
docker.io, one path component there means `library/`.
"""

import re
from typing import Final

import msgspec

from boatyard.errors import invalid

_DOMAIN = (
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])"
    r"(?::[0-9]{1,5})?"
)
_PATH: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z")
_HOST: Final = re.compile(_DOMAIN + r"\Z")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")
_LONGEST_NAME: Final = 255


class Repository(msgspec.Struct, frozen=True, order=True):
    """A repository: registry host and path, both normalised."""

    host: str
    path: str

    @classmethod
    def parse(cls, text: str, *, field: str | None = None) -> "Repository":
        """`ghcr.io/acme/x`, `python`, `127.0.0.1:5000/x`. Raises INVALID_SPEC for anything else."""
        first, slash, rest = text.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            host, path = first, rest
        else:
            host, path = "docker.io", text
        if host == "index.docker.io":
            host = "docker.io"
        if host == "docker.io" and path and "/" not in path:
            path = f"library/{path}"
        if not _HOST.match(host) or not _PATH.match(path) or len(host) + len(path) > _LONGEST_NAME:
            raise invalid(f"{text!r} is not a repository name such as ghcr.io/acme/images", field=field)
        return cls(host, path)

    def child(self, name: str) -> "Repository":
        return Repository.parse(f"{self.host}/{self.path}/{name}")

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"


class Reference(msgspec.Struct, frozen=True, order=True):
    """One image: a repository with a tag, a digest, or both."""

    repository: Repository
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str, *, field: str | None = None) -> "Reference":
        """`python:3.12-slim`, `ghcr.io/a/b@sha256:…`. No tag and no digest means `latest`."""
        name, at, digest = text.partition("@")
        if at and not _DIGEST.match(digest):
            raise invalid(f"{text!r}: a digest is sha256: and 64 hex digits", field=field)
        head, colon, tag = name.rpartition(":")
        if not colon or "/" in tag:
            head, tag = name, ""
        elif not _TAG.match(tag):
            raise invalid(f"{text!r}: {tag!r} is not a tag", field=field)
        if not head:
            raise invalid(f"{text!r} is not an image reference", field=field)
        repository = Repository.parse(head, field=field)
        return cls(repository, tag or (None if at else "latest"), digest or None)

    @property
    def familiar(self) -> str:
        """As people write it, and as BuildKit looks named contexts up: short for Docker Hub, `latest` left out."""
        name = str(self.repository)
        if self.repository.host == "docker.io":
            name = self.repository.path.removeprefix("library/")
        tag = f":{self.tag}" if self.tag and (self.tag != "latest" or self.digest) else ""
        return f"{name}{tag}" + (f"@{self.digest}" if self.digest else "")

    def at(self, digest: str) -> "Reference":
        """The same repository, by digest alone: what a registry resolves to the same bytes for ever."""
        return Reference(self.repository, None, digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"
