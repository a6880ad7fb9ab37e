"""`boatyard config init`, `boatyard config show` and `boatyard config trust`."""

from pathlib import Path

import click

from boatyard_client.cli.output import json_option, print_json
from boatyard_client.errors import ConfigError


@click.group()
def config() -> None:
    """Write or show the configuration."""


@config.command()
@click.argument("path", type=click.Path(path_type=Path), default="boatyard.toml")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@json_option
def init(path: Path, force: bool, as_json: bool) -> None:
    """Write a boatyard.toml with every setting, its meaning and its default, all of them comments."""
    from boatyard_client.template import template

    target = path / "boatyard.toml" if path.is_dir() else path
    try:
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        raise ConfigError(f"{target} exists already; --force overwrites it") from None
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {(error.strerror or '').lower()}") from None
    if as_json:
        print_json({"path": str(target)})
    else:
        click.echo(str(target))


@config.command()
@click.argument("url", default="")
@json_option
def trust(url: str, as_json: bool) -> None:
    """Let the boatyard.toml of any folder name the service at URL; by default the one that is named here.

    Files, and secrets that are set, go to the service. A folder that came from elsewhere must not choose where.
    """
    from boatyard_client.endpoint import project_url
    from boatyard_client.endpoint import trust as remember

    named = url or project_url()
    if not named:
        raise ConfigError("no boatyard.toml here names a service; give its address: `boatyard config trust URL`")
    made = remember(named)
    if as_json:
        print_json({"trusted": made})
    else:
        click.echo(made)


@config.command()
@click.option("--settings", type=click.Path(path_type=Path), metavar="FILE", help="Only this file.")
@json_option
def show(settings: Path | None, as_json: bool) -> None:
    """Show which service is asked and which settings count here, and where each is from."""
    import msgspec

    from boatyard.settings import Settings
    from boatyard_client.endpoint import find_client_settings, find_endpoint
    from boatyard_client.settings_file import find_settings

    endpoint = find_endpoint()
    client = find_client_settings()
    found, files = find_settings(settings)
    values = msgspec.to_builtins(found)
    if as_json:
        print_json(
            {
                "url": endpoint.url if endpoint else None,
                "urlFrom": endpoint.origin if endpoint else None,
                "project": client.project or "default",
                "domain": client.domain or "development",
                "settings": values,
                "settingsFrom": [str(path) for path in files],
            }
        )
        return
    click.echo(f"service   {f'{endpoint.url} (from {endpoint.origin})' if endpoint else 'none'}")
    click.echo(f"project   {client.project or 'default'}/{client.domain or 'development'}")
    click.echo(f"settings  {', '.join(map(str, files)) or 'the defaults'}")
    defaults = msgspec.to_builtins(Settings())
    for name, value in values.items():
        _difference(name, value, defaults.get(name))


def _difference(name: str, value: object, default: object) -> None:
    """Prints a setting that differs from its default."""
    if value == default:
        return
    if isinstance(value, dict) and isinstance(default, dict) and default:
        for inner, found in value.items():
            _difference(f"{name}.{inner}", found, default.get(inner))
        return
    import json

    click.echo(f"  {name} = {json.dumps(value, ensure_ascii=False)}")
