"""Defines all paths below `.boatyard/`."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# A unix socket's path has at most 107 bytes (sun_path, unix(7)). The longest one below the runtime folder is the
# network library's.
_LONGEST_SOCKET: Final = 107
_LONGEST_TAIL: Final = len("/exec/libnetwork/0123456789ab.sock")


@dataclass(frozen=True)
class Layout:
    """The paths of one state folder. Folders are created when they are needed."""

    state: Path

    @classmethod
    def of(cls, state: Path | None) -> "Layout":
        """The given folder, or `.boatyard` in the current folder."""
        return cls((state or Path(".boatyard")).resolve())

    @property
    def identity(self) -> str:
        """Eight hex digits that distinguish this folder's builders and containers from those of others."""
        return hashlib.sha256(str(self.state).encode()).hexdigest()[:8]

    @property
    def engine(self) -> Path:
        return self.state / "engine"

    @property
    def record(self) -> Path:
        """The results of the last successful `ensure`."""
        return self.engine / "engine.json"

    @property
    def ledger(self) -> Path:
        """Data that is kept between runs, even after a failed one."""
        return self.engine / "ledger.json"

    @property
    def lock(self) -> Path:
        return self.state / "engine.lock"

    @property
    def logs(self) -> Path:
        return self.engine / "log"

    @property
    def apt(self) -> Path:
        return self.engine / "apt"

    @property
    def root(self) -> Path:
        """Unpacked packages; their programs are in `root/usr/bin`."""
        return self.engine / "root"

    @property
    def docker_config(self) -> Path:
        """DOCKER_CONFIG with the login to the registry (engine/login.py)."""
        return self.engine / "docker-config"

    @property
    def registry_password(self) -> Path:
        return self.engine / "registry.password"

    @property
    def htpasswd(self) -> Path:
        return self.engine / "registry.htpasswd"

    @property
    def docker_data(self) -> Path:
        return self.engine / "docker-data"

    @property
    def temporary(self) -> Path:
        """The daemons' TMPDIR."""
        return self.engine / "tmp"

    @property
    def uv(self) -> Path:
        return self.engine / "uv"

    @property
    def base(self) -> Path:
        return self.engine / "base"

    @property
    def registry_data(self) -> Path:
        return self.state / "registry"

    @property
    def settings(self) -> Path:
        return self.state / "boatyard.toml"

    @property
    def runtime(self) -> Path:
        """Folder of sockets: below the state folder if the path is short enough, else in /run or $TMPDIR."""
        inside = self.engine / "run"
        if len(os.fsencode(inside)) + _LONGEST_TAIL <= _LONGEST_SOCKET:
            return inside
        parent = Path("/run") if os.access("/run", os.W_OK) else Path(tempfile.gettempdir())
        return parent / f"boatyard-{self.identity}"

    @property
    def docker_socket(self) -> Path:
        return self.runtime / "docker.sock"
