"""Boatyard on AWS. `handler` holds the entry points, `wiring` makes what they need, the rest are the parts."""
