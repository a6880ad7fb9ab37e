"""Boatyard's core: specs, keys, plans, the states of builds, and the API.

Nothing in this package reads a file, a clock, the environment or the network; `boatyard.ports`
declares what it needs from outside. It depends only on msgspec and packaging.
"""
