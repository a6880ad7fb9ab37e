"""Secrets as files that only their owner can read. The job reads them; the server never does."""

from collections.abc import Iterable
from pathlib import Path

from boatyard.policy import check_scope
from boatyard.ports import KnownSecret, Scope, SecretValue
from boatyard.validate import secret_name
from boatyard_local import durable


class FileSecretStore:
    """`<folder>/<project>/<domain>/<name>` holds the value and nothing else; `.<name>.kind` beside it the kind.

    No secret's name begins with a dot.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        path = self._path(scope, name, field="name")
        durable.make_folder(self._folder)
        durable.make_folder(self._folder / scope.project)
        durable.make_folder(path.parent)
        durable.write(_kind(path), secret.kind.encode())
        durable.write(path, secret.value)

    def list(self, scope: Scope) -> tuple[KnownSecret, ...]:
        check_scope(scope)
        folder = self._folder / scope.project / scope.domain
        with durable.refusing(folder):
            try:
                paths = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
            except FileNotFoundError:
                return ()
            return tuple(KnownSecret(name=path.name, kind=_read_kind(path)) for path in paths)

    def delete(self, scope: Scope, name: str) -> bool:
        path = self._path(scope, name, field="name")
        with durable.refusing(path.parent):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            _kind(path).unlink(missing_ok=True)
        return True

    def missing(self, scope: Scope, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in names if not self._path(scope, name, field="secret").is_file())

    def _path(self, scope: Scope, name: str, *, field: str) -> Path:
        check_scope(scope)
        return self._folder / scope.project / scope.domain / secret_name(name, field=field)


def _kind(path: Path) -> Path:
    return path.with_name(f".{path.name}.kind")


def _read_kind(path: Path) -> str:
    """`build` where the kind is not known: a file that was put there by hand."""
    try:
        return "image_pull" if _kind(path).read_bytes() == b"image_pull" else "build"
    except OSError:
        return "build"
