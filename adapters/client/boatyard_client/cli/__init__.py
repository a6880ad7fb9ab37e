"""The `boatyard` command. One module a subcommand, imported when it is asked for."""

from boatyard_client.cli.root import main

__all__ = ["main"]
