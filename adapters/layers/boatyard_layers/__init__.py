"""Makes images out of layers that a registry has, and the missing ones from files and wheels, without BuildKit."""
