"""The record of a build in the bucket."""

import msgspec

from boatyard.build import Build
from boatyard.job import BuildJob
from boatyard.settings import AuthenticationType, Buildkit


class BucketRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Created once, which is the lock. Writers replace it only if they have read its latest version.

    `claimed_at`: when a function last began to start the build, in seconds since 1970. If there is no `execution` some
    time later, that function has failed, and another may try.
    """

    build: Build
    job: BuildJob
    buildkit_uri: str = ""
    buildkit: Buildkit = Buildkit()
    authentication_type: AuthenticationType = "noop"
    claimed_at: float
    execution: str = ""
    """The build service's id."""
    stopping: bool = False
    """Whether a cancellation was requested while the build ran."""


class StoredRecord(msgspec.Struct, frozen=True):
    """A record and its version."""

    record: BucketRecord
    version: str
