"""The API on a loopback socket: HTTP in and out, nothing decided here."""
