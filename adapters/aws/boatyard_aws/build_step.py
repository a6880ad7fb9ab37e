"""`python -m boatyard_aws.build_step`: the program of a CodeBuild build (`boatyard_serverless.builds.job`).

The environment contains BOATYARD_BUILD_ID, BOATYARD_BUCKET and BOATYARD_SECRET_PREFIX. The credentials are those of the
project's service role.
"""

import os
import sys
from collections.abc import Mapping
from typing import Final

from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from boatyard_aws.contexts import S3ContextStore
from boatyard_aws.credential import HELPER
from boatyard_aws.secrets import SecretsManager
from boatyard_serverless.builds import job
from boatyard_serverless.builds.process import job_host
from boatyard_serverless.clock import SystemClock

_IN_CODEBUILD: Final = "CODEBUILD_BUILD_ARN"


def main(variables: Mapping[str, str] = os.environ) -> int:
    clients, bucket = Clients(), variables["BOATYARD_BUCKET"]
    step = job_host(
        S3Bucket(clients, bucket),
        S3ContextStore(clients, bucket, SystemClock()),
        SecretsManager(clients),
        prefix=variables["BOATYARD_SECRET_PREFIX"],
        helper=(HELPER, "boatyard_aws.credential"),
        own_container=bool(variables.get(_IN_CODEBUILD)),
    )
    return job.main(variables["BOATYARD_BUILD_ID"], variables.get("CODEBUILD_BUILD_ID", ""), step, variables)


if __name__ == "__main__":
    sys.exit(main())
