"""Why a maker leaves a layer to BuildKit."""


class NotExact(Exception):
    """The layer cannot be made exactly as BuildKit would make it. The text says why, for the build's log."""


class NoSuchBase(NotExact):
    """The registry has no such image for the platform, which BuildKit explains."""
