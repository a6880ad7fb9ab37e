"""Makes images out of layers that a registry has, and makes the missing ones from files and wheels, without BuildKit."""
