"""`python -m boatyard_client` is the `boatyard` command."""

from boatyard_client.cli import main

main(prog_name="boatyard")
