"""The client's side of Boatyard: packs a context, speaks HTTP, and is the `boatyard` command.

`boatyard_client.packing` makes contexts, `boatyard_client.http` asks a deployment, `boatyard_client.cli`
is for people. It knows no server and no SDK.
"""
