"""Serves the API over HTTP on a loopback socket."""
