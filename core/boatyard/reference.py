"""Parses image references into a type, so that they are never passed on as strings.

Grammar: the distribution project's `reference` package
(https://github.com/distribution/reference/blob/main/regexp.go, normalize.go), with Docker's defaults: no host means
docker.io, one path component there means `library/`. Two rules are stricter, so that another spelling
cannot bypass a rule or a policy: hosts are lower-cased, and registry-1.docker.io is docker.io.
"""

import re
from typing import Final

import msgspec

from boatyard.errors import invalid

HUB: Final = "docker.io"
_HUB_NAMES: Final = frozenset({"index.docker.io", "registry-1.docker.io"})
_DOMAIN = (
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])"
    r"(?::[0-9]{1,5})?"
)
_PATH: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z")
_HOST: Final = re.compile(_DOMAIN + r"\Z")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_DIGEST: Final = re.compile(r"(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})\Z")
"""The digest algorithms that Docker and BuildKit support (opencontainers/go-digest)."""
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{64}\Z")
_LONGEST_NAME: Final = 255


def canonical_host(host: str) -> str:
    """The canonical spelling of a registry's host: lower case, and docker.io for all of Docker Hub's names.

    A name without a dot or port is only a host because of its upper case, so it keeps that.
    """
    if "." in host or ":" in host:
        host = host.lower()
    return HUB if host in _HUB_NAMES else host


def _taken_apart(text: str) -> tuple[str, str]:
    """Splits host and path as Docker does, with the host as written."""
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        host, path = first, rest
    else:
        host, path = HUB, text
    if host == "index.docker.io":
        host = HUB
    if host == HUB and path and "/" not in path:
        path = f"library/{path}"
    return host, path


class Repository(msgspec.Struct, frozen=True, order=True):
    """A repository: registry host and path, both normalized."""

    host: str
    path: str

    @classmethod
    def parse(cls, text: str, *, field: str | None = None) -> "Repository":
        """`ghcr.io/acme/x`, `python`, `127.0.0.1:5000/x`. Raises INVALID_SPEC for anything else."""
        host, path = _taken_apart(text)
        host = canonical_host(host)
        if host == HUB and path and "/" not in path:
            path = f"library/{path}"
        if not _HOST.match(host) or not _PATH.match(path) or len(path) > _LONGEST_NAME or _IDENTIFIER.match(text):
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
            raise invalid(f"{text!r}: a digest is sha256: and 64 hex digits, or sha512: and 128", field=field)
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
        """The familiar form: short for Docker Hub, without `latest`."""
        name = str(self.repository)
        if self.repository.host == HUB:
            rest = self.repository.path.removeprefix("library/")
            name = self.repository.path if "/" in rest else rest
        tag = f":{self.tag}" if self.tag and (self.tag != "latest" or self.digest) else ""
        return f"{name}{tag}" + (f"@{self.digest}" if self.digest else "")

    def at(self, digest: str) -> "Reference":
        """The same repository with only a digest, which always resolves to the same bytes."""
        return Reference(self.repository, None, digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"


def context_name(image: str) -> str:
    """The name by which BuildKit looks up an image among the named contexts. Raises INVALID_SPEC.

    It is the familiar form, but with the host as written (dockerui.Client.NamedContext).
    """
    parsed = Reference.parse(image)
    host, _ = _taken_apart(image)
    if host == parsed.repository.host:
        return parsed.familiar
    name = f"{host}/{parsed.repository.path}"
    tag = f":{parsed.tag}" if parsed.tag and (parsed.tag != "latest" or parsed.digest) else ""
    return f"{name}{tag}" + (f"@{parsed.digest}" if parsed.digest else "")
