"""Checks whether builds will work in a cluster, and says what to change: `boatyard doctor --cluster`."""
