"""What the core needs of the outside. tests/contract holds every implementation to these."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Protocol

import msgspec

from boatyard.build import Build, Image, State
from boatyard.job import BuildJob
from boatyard.reference import Reference


class Scope(msgspec.Struct, frozen=True):
    """Whose: the project and domain that a build runs for."""

    project: str
    domain: str


class Ensured(msgspec.Struct, frozen=True):
    build: Build
    joined: bool
    """True when the build was there already."""


class LogPage(msgspec.Struct, frozen=True):
    lines: tuple[str, ...]
    cursor: str
    """Where the next page starts; opaque to callers."""
    done: bool
    """True when no more lines will come."""


class BuildQuery(msgspec.Struct, frozen=True, kw_only=True):
    project: str | None = None
    domain: str | None = None
    state: State | None = None
    page_token: str = ""
    page_size: int = 50
    visible: tuple[tuple[str, ...], ...] = ()
    """What the caller may see: patterns of `project/domain`, in groups. Of each group one has to match."""

    def sees(self, project: str, domain: str) -> bool:
        """False for builds that are to leave no trace in the answer: neither in what it holds nor in where it ends."""
        name = f"{project}/{domain}"
        return all(any(fnmatchcase(name, pattern) for pattern in group) for group in self.visible)

    def within(self, project: str, domain: str) -> bool:
        """True for what the caller may see and asks for."""
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
    """What may be shown of a secret."""

    name: str
    kind: str


class Registry(Protocol):
    def find(self, reference: Reference, platforms: Iterable[str]) -> Image | None:
        """The image, if the registry has it for all of `platforms`; None if it surely has not.

        Its labels are always read. They may be read once a digest: what a digest names never changes.

        Raises BoatyardError REGISTRY_UNAVAILABLE or REGISTRY_DENIED when that cannot be known.
        """
        ...

    def replaceable(self, reference: Reference) -> bool:
        """False if an image is there and the registry surely refuses another one under the same tag.

        True is no promise: the distribution protocol has no such question. Raises like `find`.
        """
        ...


class JobRunner(Protocol):
    def ensure(self, job: Callable[[int], BuildJob], tag: str, *, force: bool) -> Ensured:
        """Joins the build of `tag` or starts `job(attempt)`, atomically (`boatyard.attempts.decide`).

        `job` is only called for a build that starts, and before anything is kept of it: it may refuse by raising.
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
        """Where the archive's bytes go. The store refuses bytes of another digest or size."""
        ...

    def download_url(self, sha256: str) -> str: ...


class SecretStore(Protocol):
    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        """Sets the secret, in the place of one of the same name, whatever its kind."""
        ...

    def list(self, scope: Scope) -> tuple["KnownSecret", ...]:
        """The names that were put and not deleted, sorted."""
        ...

    def delete(self, scope: Scope, name: str) -> bool:
        """False if there is no such secret."""
        ...

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that are not there. Values are never read back."""
        ...


class DeploymentKey(Protocol):
    def read(self) -> bytes:
        """The deployment's key: 32 random bytes (`boatyard.realm.KEY_BYTES`), which only the service can read.

        Whoever reads first makes it; everybody gets the same bytes, for ever. Raises DATAPLANE_UNAVAILABLE or
        DATAPLANE_DENIED, also for one that is damaged: with another key, nothing built so far would be found.
        """
        ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970, for what is told and kept. It may be set, back as well: never wait by it."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, for what is waited for. Never goes back; means nothing to another process."""
        ...

    def sleep(self, seconds: float) -> None: ...
