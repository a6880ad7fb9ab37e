"""`python -m boatyard_gcp.build_step`: the program that a build's step runs in Cloud Build.

The environment has BOATYARD_BUILD_ID, BOATYARD_EXECUTION, BOATYARD_BUCKET, BOATYARD_PROJECT and BOATYARD_SECRET_PREFIX.
The step's metadata server provides the credentials of the build's service account.
"""

import os
import sys
from collections.abc import Mapping
from typing import Final

from boatyard_gcp.bucket import GcsBucket
from boatyard_gcp.contexts import GcsContextStore
from boatyard_gcp.credential import HELPER
from boatyard_gcp.rest import GoogleRest
from boatyard_gcp.secrets import ProjectSecrets
from boatyard_serverless.builds import job
from boatyard_serverless.builds.growing_log import BEGIN
from boatyard_serverless.builds.process import job_host
from boatyard_serverless.clock import SystemClock

METADATA: Final = "169.254.169.254"
"""The metadata server. It gives the build's identity to every process, so the steps of a Dockerfile must not reach it.
It is also the DNS resolver."""


def main(variables: Mapping[str, str] = os.environ) -> int:
    print(BEGIN, flush=True)
    rest, bucket = GoogleRest(), variables["BOATYARD_BUCKET"]
    step = job_host(
        GcsBucket(rest, bucket),
        GcsContextStore(rest, bucket, SystemClock()),
        ProjectSecrets(rest, variables["BOATYARD_PROJECT"]),
        prefix=variables["BOATYARD_SECRET_PREFIX"],
        helper=(HELPER, "boatyard_gcp.credential"),
        own_container=False,  # what answers there is the machine's engine, which runs this step
        closed=(METADATA,),
    )
    return job.main(variables["BOATYARD_BUILD_ID"], variables.get("BOATYARD_EXECUTION", ""), step, variables)


if __name__ == "__main__":
    sys.exit(main())
