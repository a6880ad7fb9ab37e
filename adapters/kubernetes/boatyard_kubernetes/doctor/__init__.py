"""Whether builds will work in a cluster, and what to change where they will not: `boatyard doctor --cluster`."""
