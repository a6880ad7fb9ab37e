"""Reads inputs of the command line: a flyte file, a spec in JSON, or a Dockerfile."""

from boatyard_client.inputs.draft import Draft, InputOptions
from boatyard_client.inputs.load import load, load_all

__all__ = ["Draft", "InputOptions", "load", "load_all"]
