"""The `boatyard` command, with one module for each subcommand, which is imported only to run it."""

from boatyard_client.cli.root import main

__all__ = ["main"]
