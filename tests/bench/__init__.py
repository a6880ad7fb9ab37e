"""Benchmarks of Boatyard against flyte's own Docker builder, on the same BuildKit: `make bench`."""
