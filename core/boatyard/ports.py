"""The ports: what the core needs from outside. tests/contract checks every implementation."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Protocol

import msgspec

from boatyard.build import Build, Image, State
from boatyard.job import BuildJob
from boatyard.reference import Reference


class Scope(msgspec.Struct, frozen=True):
    """The project and domain that a build runs for."""

    project: str
    domain: str


class Ensured(msgspec.Struct, frozen=True):
    build: Build
    joined: bool
    """True if the build existed already."""
    is_started: bool = True
    """False if nobody knows yet whether the build's job was started: the function that claimed it may have died. The
    job starts if somebody asks for the build again later."""


class LogPage(msgspec.Struct, frozen=True):
    lines: tuple[str, ...]
    cursor: str
    """Where the next page starts; opaque to callers."""
    done: bool
    """True if no more lines will follow."""


class BuildQuery(msgspec.Struct, frozen=True, kw_only=True):
    project: str | None = None
    domain: str | None = None
    state: State | None = None
    page_token: str = ""
    page_size: int = 50
    visible: tuple[tuple[str, ...], ...] = ()
    """What the caller may see: groups of patterns of `project/domain`. One pattern of each group must match."""

    def sees(self, project: str, domain: str) -> bool:
        """False for builds that must leave no trace in the answer, neither in its contents nor in where it ends."""
        name = f"{project}/{domain}"
        return all(any(fnmatchcase(name, pattern) for pattern in group) for group in self.visible)

    def within(self, project: str, domain: str) -> bool:
        """True for scopes that the caller may see and asks for."""
        return self.project in (None, project) and self.domain in (None, domain) and self.sees(project, domain)

    def asks_for(self, build: Build) -> bool:
        return self.state in (None, build.state) and self.within(build.project, build.domain)


class BuildPage(msgspec.Struct, frozen=True):
    builds: tuple[Build, ...]
    """Newest first."""
    next_page_token: str


class Upload(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    upload_url: str
    headers: dict[str, str]
    expires_at: float
    """Seconds since 1970."""


class SecretValue(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` image_pull: a Docker config JSON. `kind` build: any bytes."""

    kind: str
    value: bytes

    def __repr__(self) -> str:
        return f"SecretValue(kind={self.kind!r}, value=…)"


class KnownSecret(msgspec.Struct, frozen=True, kw_only=True):
    """The visible part of a secret."""

    name: str
    kind: str


class Registry(Protocol):
    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        """The image, if the registry has it for all of `platforms`; None if it certainly does not exist.

        The result always has labels. They may be cached per digest, because a digest's contents never change.

        Raises BoatyardError REGISTRY_UNAVAILABLE or REGISTRY_DENIED if the registry gives no clear answer.
        """
        ...

    def replaceable(self, reference: Reference) -> bool:
        """False if the image exists and the registry certainly refuses another one under the same tag.

        True is no guarantee, because the distribution protocol has no such query. Raises like `find`.
        """
        ...


class JobRunner(Protocol):
    def ensure(self, job: Callable[[int], BuildJob], tag: str, *, force: bool) -> Ensured:
        """Joins the build of `tag` or starts `job(attempt)`, atomically (`boatyard.attempts.decide`).

        `job` is only called for a build that starts, before anything is stored, and may refuse by raising.
        Raises TOO_MANY_BUILDS or DATAPLANE_UNAVAILABLE.
        """
        ...

    def status(self, build_id: str) -> Build | None: ...

    def latest(self, tag: str) -> Build | None:
        """The newest build of a tag, if any is still known."""
        ...

    def logs(self, build_id: str, cursor: str) -> LogPage | None: ...

    def cancel(self, build_id: str) -> Build | None:
        """Asks the build to stop and returns it; a build that has ended is returned as it is."""
        ...

    def list(self, query: BuildQuery) -> BuildPage: ...


class ContextStore(Protocol):
    def has(self, sha256: str) -> bool: ...

    def upload(self, sha256: str, size: int) -> Upload:
        """The URL for the archive's bytes. The store refuses another size, and another digest if it can."""
        ...

    def download_url(self, sha256: str) -> str: ...

    def refusal_url(self, sha256: str) -> str:
        """The URL to which the job sends DELETE if the bytes that are stored now have another digest: otherwise nobody
        could upload the right ones. Empty for a store that refuses such bytes itself."""
        ...


class SecretStore(Protocol):
    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        """Sets the secret, and replaces one of the same name and any kind."""
        ...

    def list(self, scope: Scope) -> tuple["KnownSecret", ...]:
        """The existing secrets, sorted by name."""
        ...

    def delete(self, scope: Scope, name: str) -> bool:
        """False if there is no such secret."""
        ...

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that do not exist, without reading values."""
        ...


class DeploymentKey(Protocol):
    def read(self) -> bytes:
        """The deployment's key: 32 random bytes (`boatyard.realm.KEY_BYTES`), which only the service can read.

        The first read creates it; every read returns the same bytes, forever. Raises DATAPLANE_UNAVAILABLE or
        DATAPLANE_DENIED, also for a damaged key: with another key, no existing image would be found.
        """
        ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970, for display and records. It may be set, also back: never use it for waits."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary time, for waits. Never goes back; not comparable between processes."""
        ...

    def sleep(self, seconds: float) -> None: ...
