"""Boatyard's core: what an image is, which key it has, how it is built and what may be asked.

Nothing in this package reads a file, a clock, the environment or the network; `boatyard.ports`
names what it needs of the outside. It depends on msgspec and packaging alone.
"""
