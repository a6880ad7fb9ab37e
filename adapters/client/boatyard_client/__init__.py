"""The client: packs contexts, speaks the HTTP API, and provides the `boatyard` command.

`boatyard_client.packing` makes contexts, `boatyard_client.client` calls a deployment, `boatyard_client.cli` is the
command line. It contains no server and depends on no SDK.
"""
