"""Parts that are made when they are first asked: an answer from the registry needs no cluster."""

from collections.abc import Callable, Iterable
from functools import cached_property

from boatyard.build import Build
from boatyard.job import BuildJob
from boatyard.ports import BuildPage, BuildQuery, Ensured, JobRunner, LogPage, Scope, SecretStore, SecretValue


class LazyJobRunner:
    """Implements `boatyard.ports.JobRunner`."""

    def __init__(self, make: Callable[[], JobRunner]) -> None:
        self._make = make

    @cached_property
    def _runner(self) -> JobRunner:
        return self._make()

    def ensure(self, job: Callable[[int], BuildJob], tag: str, *, force: bool) -> Ensured:
        return self._runner.ensure(job, tag, force=force)

    def status(self, build_id: str) -> Build | None:
        return self._runner.status(build_id)

    def latest(self, tag: str) -> Build | None:
        return self._runner.latest(tag)

    def logs(self, build_id: str, cursor: str) -> LogPage | None:
        return self._runner.logs(build_id, cursor)

    def cancel(self, build_id: str) -> Build | None:
        return self._runner.cancel(build_id)

    def list(self, query: BuildQuery) -> BuildPage:
        return self._runner.list(query)


class LazySecretStore:
    """Implements `boatyard.ports.SecretStore`. A build without secrets asks nobody."""

    def __init__(self, make: Callable[[], SecretStore]) -> None:
        self._make = make

    @cached_property
    def _store(self) -> SecretStore:
        return self._make()

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        self._store.put(scope, name, secret)

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        asked = tuple(names)
        return self._store.missing(scope, asked) if asked else ()
