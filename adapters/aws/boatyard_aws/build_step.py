"""`python -m boatyard_aws.build_step`: the program of a CodeBuild build (`boatyard_serverless.builds.job`).

The environment contains BOATYARD_BUILD_ID, BOATYARD_BUCKET and BOATYARD_SECRET_PREFIX. The credentials are those of the
project's service role.
"""

import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Final

from boatyard.errors import BoatyardError, Code
from boatyard.ports import Scope
from boatyard_aws.bucket import S3Bucket
from boatyard_aws.clients import Clients
from boatyard_aws.contexts import S3ContextStore
from boatyard_aws.credential import HELPER
from boatyard_aws.faults import AwsCall
from boatyard_aws.secrets import secret_id
from boatyard_serverless.builds import job
from boatyard_serverless.builds.ledger import BucketLedger
from boatyard_serverless.clock import SystemClock
from boatyard_serverless.credential_helper import with_helper

_IN_CODEBUILD: Final = "CODEBUILD_BUILD_ARN"


def main(variables: Mapping[str, str] = os.environ) -> int:
    clients, bucket = Clients(), variables["BOATYARD_BUCKET"]
    step = job.JobHost(
        ledger=BucketLedger(S3Bucket(clients, bucket)),
        contexts=S3ContextStore(clients, bucket, SystemClock()),
        read_secret=partial(_read_secret, clients, variables["BOATYARD_SECRET_PREFIX"]),
        programs=partial(with_helper, HELPER, "boatyard_aws.credential"),
        own_container=bool(variables.get(_IN_CODEBUILD)),
    )
    return job.main(variables["BOATYARD_BUILD_ID"], variables.get("CODEBUILD_BUILD_ID", ""), step, variables)


def _read_secret(clients: Clients, prefix: str, scope: Scope, name: str) -> bytes:
    """Raises SECRET_NOT_FOUND, DATAPLANE_DENIED or DATAPLANE_UNAVAILABLE."""
    identity = secret_id(prefix, scope, name)
    with AwsCall("secretsmanager:GetSecretValue", f"secret:{identity}", expected={"ResourceNotFoundException"}):
        answer = clients.secrets().get_secret_value(SecretId=identity)
        return bytes(answer["SecretBinary"]) if "SecretBinary" in answer else answer["SecretString"].encode()
    raise BoatyardError(Code.SECRET_NOT_FOUND, f"there is no secret {name}", missing=(name,))


if __name__ == "__main__":
    sys.exit(main())
