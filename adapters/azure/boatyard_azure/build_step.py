"""`python -m boatyard_azure.build_step`: the step of a run of ACR Tasks (`boatyard_serverless.builds.job`).

The environment has BOATYARD_BUILD_ID, BOATYARD_EXECUTION, BOATYARD_STORAGE_ACCOUNT, BOATYARD_BUCKET, BOATYARD_VAULT and
BOATYARD_SECRET_PREFIX, and AZURE_CLIENT_ID, which names the task's identity. The instance metadata service gives its
tokens.
"""

import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Final

from boatyard_azure.bucket import BlobBucket
from boatyard_azure.contexts import BlobContextStore
from boatyard_azure.credential import HELPER
from boatyard_azure.rest import AzureRest
from boatyard_azure.secrets import VaultSecrets
from boatyard_serverless.builds import job
from boatyard_serverless.builds.growing_log import BEGIN
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.builds.process import JobHost
from boatyard_serverless.clock import SystemClock
from boatyard_serverless.credential_helper import with_helper
from boatyard_serverless.secrets import read_secret

CLOSED: Final = ("169.254.169.254", "168.63.129.16")
"""The instance metadata service, which gives the task's identity to every process, and the address of the machine's
agent (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16), which is the DNS resolver
too. The steps of a Dockerfile must not reach them."""


def main(variables: Mapping[str, str] = os.environ) -> int:
    print(BEGIN, flush=True)
    rest, account, container = AzureRest(), variables["BOATYARD_STORAGE_ACCOUNT"], variables["BOATYARD_BUCKET"]
    secrets = VaultSecrets(rest, variables["BOATYARD_VAULT"])
    step = JobHost(
        ledger=BucketLedger(BlobBucket(rest, account, container)),
        contexts=BlobContextStore(rest, account, container, SystemClock()),
        read_secret=partial(read_secret, secrets, variables["BOATYARD_SECRET_PREFIX"]),
        programs=partial(with_helper, HELPER, "boatyard_azure.credential"),
        own_container=False,  # a local Docker socket is the machine's engine, which runs this step
        closed=CLOSED,
    )
    # A run that somebody starts by hand has no build: there is nothing to do.
    return job.main(variables.get("BOATYARD_BUILD_ID", ""), variables.get("BOATYARD_EXECUTION", ""), step, variables)


if __name__ == "__main__":
    sys.exit(main())
