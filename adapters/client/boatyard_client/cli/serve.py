"""`boatyard serve`."""

import shlex
from pathlib import Path

import click

from boatyard_client.cli.output import json_option, note, print_json
from boatyard_client.errors import ClientError, InputError
from boatyard_client.settings_file import project_settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port; by default a free one.")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    default=".boatyard",
    show_default=True,
    help="The folder for all state.",
)
@click.option(
    "--settings", "--config", "settings", type=click.Path(path_type=Path), metavar="FILE", help="Use only this file."
)
@json_option
def serve(host: str, port: int, state: Path, settings: Path | None, as_json: bool) -> None:
    """Serve the API on this machine, with its BuildKit and a registry.

    It first finds or sets up BuildKit and a registry, unless --settings names a file with their addresses. Settings in
    boatyard.toml take precedence. Other commands in this folder and below find the server automatically. Ctrl-C stops
    it; running builds continue.
    """
    from boatyard.embedded import CannotServe, ServeRequest
    from boatyard_client.embedded import find_serve

    serve_embedded = find_serve()

    def ready(url: str) -> None:
        if as_json:
            print_json({"url": url, "state": str(state), "tokenFile": str(state.absolute() / "token")})
        else:
            click.echo(url)
            token = shlex.quote(str(state.absolute() / "token"))
            note(f"serving; in other folders: export BOATYARD_URL={url} BOATYARD_TOKEN_FILE={token}")

    if settings is not None and not settings.is_file():
        raise InputError(f"there is no file {settings}")
    request = ServeRequest(
        host=host,
        port=port,
        state=state,
        settings=settings,
        project_settings=None if settings is not None else project_settings(),
    )
    try:
        serve_embedded(request, ready)
    except CannotServe as error:
        raise ClientError(str(error)) from error
