"""Parts that are created on first use: an answer from the registry needs no cluster and no protobuf."""

from collections.abc import Callable, Iterable
from functools import cached_property

from boatyard.api.connect import GetImageRequest, GetImageResponse, ImageServiceCodec
from boatyard.build import Build
from boatyard.job import BuildJob
from boatyard.ports import (
    BuildPage,
    BuildQuery,
    Ensured,
    JobRunner,
    KnownSecret,
    LogPage,
    Scope,
    SecretStore,
    SecretValue,
)


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
    """Implements `boatyard.ports.SecretStore`. A build without secrets makes no request."""

    def __init__(self, make: Callable[[], SecretStore]) -> None:
        self._make = make

    @cached_property
    def _store(self) -> SecretStore:
        return self._make()

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        self._store.put(scope, name, secret)

    def list(self, scope: Scope) -> tuple[KnownSecret, ...]:
        return self._store.list(scope)

    def delete(self, scope: Scope, name: str) -> bool:
        return self._store.delete(scope, name)

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        asked = tuple(names)
        return self._store.missing(scope, asked) if asked else ()


class LazyCodec:
    """Implements `boatyard.api.connect.ImageServiceCodec`. Only the stock flyte builder speaks protobuf."""

    def __init__(self, make: Callable[[], ImageServiceCodec]) -> None:
        self._make = make

    @cached_property
    def _codec(self) -> ImageServiceCodec:
        return self._make()

    def decode_request(self, data: bytes) -> GetImageRequest:
        return self._codec.decode_request(data)

    def encode_response(self, response: GetImageResponse) -> bytes:
        return self._codec.encode_response(response)
