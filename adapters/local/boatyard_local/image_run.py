"""Starts an image and lists what its Python can import, to prove that it works."""

import subprocess
from typing import Final

import msgspec

from boatyard_local.engine import Engine, EngineError
from boatyard_local.engine.environment import docker_environment

_SECONDS: Final = 300

# Runs inside the image: imports every top-level module of every installed distribution.
_PROBE: Final = """
import importlib, importlib.metadata as metadata, json, platform
def load(name):
    try:
        importlib.import_module(name)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
dists = {}
for name, owners in metadata.packages_distributions().items():
    if name.isidentifier() and not name.startswith("_"):
        failure = load(name)
        for owner in owners:
            dists[owner] = [metadata.version(owner), failure]
print(json.dumps([platform.python_version(), dists]))
"""


def imports(engine: Engine, image: str) -> list[str]:
    """Lines of the result for display. Raises EngineError if the image does not start or an import fails."""
    # On a busy machine, Docker can lose what a short container printed; dockerd then logs "stream copy error: reading
    # from a closed fifo".
    printed = _probe(engine, image) or _probe(engine, image)
    if not printed:
        raise EngineError("the image starts, but Docker passes on nothing that it prints; try again")
    version, dists = _answer(printed)
    failed = [f"{name}: {failure}" for name, (_, failure) in dists.items() if failure]
    if failed:
        raise EngineError(f"the image starts, but cannot import {'; '.join(failed)}")
    names = ", ".join(f"{name} {number}" for name, (number, _) in sorted(dists.items(), key=lambda row: row[0].lower()))
    return [f"Python {version} imports {names}"]


def _answer(printed: list[str]) -> tuple[str, dict[str, tuple[str, str | None]]]:
    """Python's version and, by distribution, its version and why an import failed. What is imported may print, too.
    Raises EngineError."""
    for line in reversed(printed):
        try:
            return msgspec.json.decode(line, type=tuple[str, dict[str, tuple[str, str | None]]])
        except msgspec.DecodeError:
            continue
    raise EngineError(f"the image starts, but does not say what it can import; its last line is {printed[-1][:200]!r}")


def _probe(engine: Engine, image: str) -> list[str]:
    """The lines that it prints. Raises EngineError if the image does not start."""
    done = subprocess.run(
        [engine.docker, "run", "--rm", "--network", "none", image, "python", "-c", _PROBE],
        env=docker_environment(engine.docker_host, engine.docker_config),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        reason = " / ".join(done.stderr.strip().splitlines()[-2:]) or f"exit code {done.returncode}"
        raise EngineError(f"the image does not start: {reason}")
    return done.stdout.splitlines()
