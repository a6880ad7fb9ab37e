"""The record of a build in the bucket."""

import msgspec

from boatyard.build import Build
from boatyard.job import BuildJob
from boatyard.settings import AuthenticationType, Buildkit


class BucketRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Created once, which is the lock; only replaced by a writer that has read its last version.

    `claimed_at`: when somebody last set out to start it, in seconds since 1970. With no `execution` some
    time later, they did not get there, and the next one may try.
    """

    build: Build
    job: BuildJob
    buildkit_uri: str = ""
    buildkit: Buildkit = Buildkit()
    authentication_type: AuthenticationType = "noop"
    claimed_at: float
    execution: str = ""
    """The build service's id of it."""
    stopping: bool = False
    """A cancel was asked for while it ran."""


class StoredRecord(msgspec.Struct, frozen=True):
    """A record, and which version of it."""

    record: BucketRecord
    version: str
