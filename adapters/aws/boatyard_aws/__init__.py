"""Boatyard on AWS. `handler` contains the functions' entry points, `wiring` creates their parts, and each other module
is one part."""
