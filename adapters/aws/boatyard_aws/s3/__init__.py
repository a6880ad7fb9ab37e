"""The bucket: contexts, job records, dropped specs; and the conditional writes that take the place of a database."""

from boatyard_aws.s3.bucket import Bucket, Stored
from boatyard_aws.s3.contexts import S3ContextStore

__all__ = ["Bucket", "S3ContextStore", "Stored"]
