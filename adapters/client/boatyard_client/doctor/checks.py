"""Runs all checks concurrently."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from boatyard.finding import Finding, fail
from boatyard.settings import Settings
from boatyard_client.client import Client
from boatyard_client.doctor import disk, engine, network, registry, server
from boatyard_client.endpoint import Endpoint, is_loopback
from boatyard_client.errors import ClientError

Check = Callable[[], Finding]


def examine(endpoint: Endpoint | None, settings: Settings, files: list[Path], base_image: str) -> Iterator[Finding]:
    """Yields one finding for each check, in the order of a build. `files` are the sources of the settings."""
    client = Client(endpoint, patience=server.PATIENCE) if endpoint else None
    checks: list[tuple[str, Check]] = [("server", lambda: server.check(client))]
    if client is not None and endpoint is not None and not is_loopback(endpoint.url):
        remote = client
        checks += [
            ("commands", lambda: server.commands(remote)),
            ("base image", lambda: server.base_image(remote, base_image)),
            ("disk", disk.temporary),
        ]
    else:
        checks += [
            (
                "buildkit",
                lambda: engine.check(
                    settings.buildkit,
                    settings.buildkit_uri,
                    configured=bool(files),
                    platforms=settings.platforms if files else (),
                ),
            ),
            ("uv", lambda: engine.uv(settings.uv)),
            ("registry", lambda: registry.push(settings)),
            ("base image", lambda: registry.base_image(settings, base_image)),
            ("network", lambda: network.check(settings.network)),
            ("disk", lambda: disk.check(files)),
        ]
    try:
        with ThreadPoolExecutor(len(checks)) as pool:
            futures = [pool.submit(_guarded, name, check) for name, check in checks]
            for future in futures:
                yield future.result()
    finally:
        if client:
            client.close()


def _guarded(name: str, check: Check) -> Finding:
    """Turns an error of a check into a finding, so that the others still run."""
    try:
        return check()
    except ClientError as error:
        return fail(name, error.detail, error.advice or "Fix what that line names.")
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return fail(name, f"the check itself failed: {reason}", "Tell Boatyard's developers.")
