"""The entry points of this distribution: the embedded server for the command line (`boatyard.embedded`)."""

from collections.abc import Callable

from boatyard.embedded import CannotServe, ServeRequest
from boatyard.finding import Finding, fail, warn
from boatyard_local.engine import EngineError
from boatyard_local.serving import ServeError, serve
from boatyard_local.settings import SettingsError, load_settings
from boatyard_local.web.hosts import loopback

_SERVE = "`boatyard serve` finds or sets up a BuildKit."


def serve_embedded(request: ServeRequest, on_ready: Callable[[str], None]) -> None:
    """Implements `boatyard.embedded.Serve`."""
    try:
        loopback(request.host)  # before the engine's setup, which may take minutes
        if request.settings is not None:
            loaded = load_settings(request.settings)
        else:
            from boatyard_local import engine

            found = engine.ensure(request.state)
            loaded = load_settings(request.project_settings, beneath=found.settings)
        serve(loaded, request.state, request.host, request.port, on_ready)
    except (ServeError, SettingsError, EngineError, ValueError) as error:
        raise CannotServe(str(error)) from error


def prospect() -> Finding:
    """Implements `boatyard.embedded.Prospect`."""
    from boatyard_local.engine import docker, packages

    own = docker.find()
    if not isinstance(own, str):
        return warn("buildkit", f"not set up yet; Docker {own.version} is there", _SERVE)
    machine = packages.this_debian()
    if not isinstance(machine, str):
        return warn("buildkit", f"not set up yet: {own}; Debian's packages can be unpacked", _SERVE)
    return fail("buildkit", f"none: {own}, and {machine}", "Install Docker with buildx, or use a service elsewhere.")
