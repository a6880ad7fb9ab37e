"""Boatyard measured against flyte's own Docker builder, side by side on one BuildKit: `make bench`."""
