"""The secrets of a build as files, as BuildKit needs them."""

from pathlib import Path
from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard.job import BuildJob

_LARGEST: Final = 500 * 1024
"""BuildKit's own limit on a secret (MaxSecretSize)."""


class SecretFiles:
    """`<folder>/<name>` for each name that the job needs. Raises SECRET_NOT_FOUND, and UNSUPPORTED for one that
    BuildKit would refuse."""

    def __init__(self, folder: Path | None, job: BuildJob) -> None:
        names = [*(secret.name for secret in job.secrets), *job.registry_secrets]
        self._paths = {name: _locate(folder, name) for name in dict.fromkeys(names)}
        missing = tuple(name for name, path in self._paths.items() if path is None)
        if missing:
            raise BoatyardError(
                Code.SECRET_NOT_FOUND,
                f"{job.project}/{job.domain} has no secret {', '.join(missing)}",
                missing=missing,
            )
        for name in self._paths:
            if self.path(name).stat().st_size > _LARGEST:
                raise BoatyardError(Code.UNSUPPORTED, f"the secret {name} is larger than the 500 KiB of BuildKit")

    def path(self, name: str) -> Path:
        path = self._paths[name]
        assert path is not None  # noqa: S101 - missing ones were refused at the start
        return path


def _locate(folder: Path | None, name: str) -> Path | None:
    # The API checks names, but a job is read from a file, and must not reach outside the folder.
    if folder is None or not name or "/" in name or name in (".", ".."):
        return None
    path = folder / name
    return path if path.is_file() else None
