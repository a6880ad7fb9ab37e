"""`python -m boatyard_aws.build_step`: what a CodeBuild build runs (`boatyard_serverless.builds.job`).

The environment has BOATYARD_BUILD_ID, BOATYARD_BUCKET and BOATYARD_SECRET_PREFIX. Credentials are those of the
project's service role.
"""

import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Final

from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from boatyard_aws.contexts import S3ContextStore
from boatyard_aws.programs import environment
from boatyard_aws.secret_values import write_secrets
from boatyard_serverless.builds import job
from boatyard_serverless.builds.ledger import Ledger
from boatyard_serverless.clock import SystemClock

_IN_CODEBUILD: Final = "CODEBUILD_BUILD_ARN"


def main(variables: Mapping[str, str] = os.environ) -> int:
    clients, bucket = Clients(), variables["BOATYARD_BUCKET"]
    step = job.Step(
        ledger=Ledger(S3Bucket(clients, bucket)),
        contexts=S3ContextStore(clients, bucket, SystemClock()),
        write_secrets=partial(write_secrets, clients, variables["BOATYARD_SECRET_PREFIX"]),
        programs=environment,
        own_container=bool(variables.get(_IN_CODEBUILD)),
    )
    return job.main(variables["BOATYARD_BUILD_ID"], variables.get("CODEBUILD_BUILD_ID", ""), step, variables)


if __name__ == "__main__":
    sys.exit(main())
