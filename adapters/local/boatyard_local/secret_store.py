"""Stores secrets in files that only their owner can read. Only jobs read them; the server never does."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from boatyard.errors import BoatyardError, Code
from boatyard.policy import check_scope
from boatyard.ports import KnownSecret, Scope, SecretValue
from boatyard.validate import secret_name
from boatyard_local import durable


class FileSecretStore:
    """`<folder>/<project>/<domain>/<name>` contains the value, and `.<name>.kind` beside it the kind.

    No secret's name begins with a dot. Links are ignored, because a link in a folder from elsewhere could expose any
    file of the user to a build. An operator may link the whole folder; then only files that nobody else can read count.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, scope: Scope, name: str, secret: SecretValue) -> None:
        path = self._path(scope, name, field="name")
        durable.make_folder(self._folder)
        for folder in (path.parent.parent, path.parent):
            if folder.is_symlink():
                raise BoatyardError(
                    Code.DATAPLANE_UNAVAILABLE, f"{folder} is a link, which secrets are not kept behind"
                )
            durable.make_folder(folder)
        durable.write(_kind(path), secret.kind.encode())
        durable.write(path, secret.value)

    def list(self, scope: Scope) -> tuple[KnownSecret, ...]:
        check_scope(scope)
        folder = self._folder / scope.project / scope.domain
        with durable.refusing(folder):
            try:
                paths = sorted(path for path in folder.iterdir() if path.name[0] != "." and self._is_there(path))
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
        return tuple(name for name in names if not self._is_there(self._path(scope, name, field="secret")))

    def _is_there(self, path: Path) -> bool:
        folders = (path.parent.parent, path.parent)
        try:
            found = [each.lstat() for each in (*folders, path)]
            kinds = [stat.S_ISDIR(each.st_mode) for each in found[:-1]] + [stat.S_ISREG(found[-1].st_mode)]
            if not self._folder.is_symlink():
                return all(kinds)
            found.append(self._folder.stat())
        except OSError:
            return False
        return all(kinds) and all(each.st_uid == os.geteuid() and not each.st_mode & 0o077 for each in found)

    def _path(self, scope: Scope, name: str, *, field: str) -> Path:
        check_scope(scope)
        return self._folder / scope.project / scope.domain / secret_name(name, field=field)


def _kind(path: Path) -> Path:
    return path.with_name(f".{path.name}.kind")


def _read_kind(path: Path) -> str:
    """Defaults to `build`, for a file that was created by hand."""
    try:
        return "image_pull" if _kind(path).read_bytes() == b"image_pull" else "build"
    except OSError:
        return "build"
