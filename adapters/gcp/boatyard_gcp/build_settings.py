"""The deployment's settings for Cloud Build."""

import msgspec


class CloudBuildSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where builds run, as which service account, and with which image."""

    project: str
    location: str
    """A region, or `global`."""
    image: str
    """The builder image with an engine (`make builder-image CLOUD=gcp`)."""
    account: str
    """E-mail of the service account that builds run as."""
    logs: str
    """`gs://bucket` or `gs://bucket/folder`."""
    bucket: str
    """The deployment's bucket."""
    secret_prefix: str = "boatyard"  # noqa: S105 - a prefix of names
    pool: str = ""
    """`projects/P/locations/L/workerPools/NAME`; empty for Google's default pool."""
    machine: str = ""
    """Such as E2_HIGHCPU_8. Only without a pool, which sets its own."""
    disk_gb: int = 0
    queue_seconds: int = 3600
    """How long a build may wait for a machine."""

    @property
    def parent(self) -> str:
        return f"projects/{self.project}/locations/{self.location}"
