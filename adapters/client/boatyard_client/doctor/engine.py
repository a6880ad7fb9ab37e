"""Checks BuildKit with the command that builds use, and the uv binary for images."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

from boatyard.finding import Finding, fail, ok, warn
from boatyard.settings import Buildkit, Uv

_PLATFORM: Final = re.compile(r"linux/[a-z0-9]+")
_SECONDS: Final = 15
_SERVE: Final = "`boatyard serve` finds or sets up a BuildKit."


def check(buildkit: Buildkit, uri: str, *, configured: bool, platforms: tuple[str, ...] = ()) -> Finding:
    """`configured`: the settings come from a file, so they are deliberate. `platforms` are those of the settings."""
    if not buildkit.enabled:
        return fail("buildkit", "switched off (buildkit.enabled: false)", "Switch it on in the settings.")
    if buildkit.driver == "buildx":
        return _buildx(buildkit, platforms)
    if uri:
        return _buildctl(buildkit, uri, platforms)
    if configured:
        return fail("buildkit", "no buildkitUri in the settings", f"Name a buildkitd, or {_SERVE}")
    return _to_be_found()


def uv(settings: Uv) -> Finding:
    if not settings.directory:
        return ok("uv", f"taken from {settings.image}")
    names = sorted(path.name for path in Path(settings.directory).glob("uv-*") if path.is_file())
    if names:
        return ok("uv", f"{', '.join(names)} in {settings.directory}")
    return fail("uv", f"there is no uv in {settings.directory}", "`boatyard serve` fetches it.")


def _buildx(buildkit: Buildkit, wanted: tuple[str, ...]) -> Finding:
    arguments = [buildkit.docker, "buildx", "inspect", *([buildkit.builder] if buildkit.builder else [])]
    env = dict(os.environ)
    for name, value in (("DOCKER_HOST", buildkit.docker_host), ("DOCKER_CONFIG", buildkit.docker_config)):
        if value:
            env[name] = value
    place = buildkit.docker_host or "Docker"
    try:
        done = _run(arguments, env)
    except _NotRunError as error:
        return fail("buildkit", f"{place}: {error}", f"Start it; {_SERVE}")
    if "Error:" in done or "Status:" not in done:
        reason = next((line.strip() for line in done.splitlines() if "rror" in line), "it is not running")
        return fail("buildkit", f"{place}: {reason}", f"Start it; {_SERVE}")
    version = re.search(r"BuildKit version:\s*(\S+)", done)
    platforms = re.search(r"Platforms:\s*(.+)", done)
    runs = ", ".join(p.strip() for p in platforms[1].split(",")[:4]) if platforms else "unknown platforms"
    return _answers(f"{version[1] if version else 'answers'} at {place}; runs commands on {runs}", done, wanted)


def _buildctl(buildkit: Buildkit, uri: str, wanted: tuple[str, ...]) -> Finding:
    arguments = [buildkit.buildctl, "--addr", uri]
    if buildkit.tls_directory:
        arguments += ["--tlsdir", buildkit.tls_directory]
    try:
        done = _run([*arguments, "debug", "workers"], dict(os.environ))
    except _NotRunError as error:
        return fail("buildkit", f"{uri}: {error}", "Start buildkitd, or correct buildkitUri in the settings.")
    workers = max(len(done.strip().splitlines()) - 1, 0)
    if not workers:
        return fail("buildkit", f"{uri} has no worker", "Read buildkitd's log.")
    return _answers(f"{uri} has {workers} worker{'s' if workers > 1 else ''}", done, wanted)


def _answers(detail: str, listed: str, wanted: tuple[str, ...]) -> Finding:
    """`listed` has the platforms of BuildKit's workers: their own, and those whose programs it could start."""
    found = _PLATFORM.findall(listed)
    foreign = ", ".join(platform for platform in wanted if platform not in found)
    if found and foreign:
        return warn(
            "buildkit",
            f"{detail}; the setting `platforms` also has {foreign}, on which it runs none",
            "Set up emulation (binfmt with qemu) and restart BuildKit, or leave the platform out of the setting.",
        )
    return ok("buildkit", detail)


class _NotRunError(Exception):
    """A program could not be run; the text gives the reason."""


def _run(arguments: list[str], env: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            arguments, capture_output=True, text=True, errors="replace", env=env, timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        raise _NotRunError(f"{arguments[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise _NotRunError(f"no answer in {_SECONDS} s") from None
    except OSError as error:
        raise _NotRunError(f"{arguments[0]}: {(error.strerror or str(error)).lower()}") from None
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise _NotRunError(lines[-1] if lines else f"it ended with {done.returncode}")
    return done.stdout


def _to_be_found() -> Finding:
    """Without an engine: whether `boatyard serve` would find one to use."""
    from boatyard_client.embedded import find_prospect

    prospect = find_prospect()
    if prospect is None:
        return fail("buildkit", "none is configured", "Install boatyard-local, then run `boatyard serve`.")
    return prospect()
