"""`boatyard cancel ID`."""

import click

from boatyard_client.cli.output import json_option, print_json, url_option


@click.command()
@click.argument("build_id", metavar="ID")
@url_option
@json_option
def cancel(build_id: str, url: str, as_json: bool) -> None:
    """Stop a build. A build that has ended does not change."""
    from boatyard_client.client import Client

    with Client(url) as client:
        build = client.cancel(build_id)
    if as_json:
        print_json(build)
    elif build.state.ended:
        click.echo(f"{build.id} is {build.state.value}")
    else:
        click.echo(f"{build.id} is stopping; its state is {build.state.value} until then")
