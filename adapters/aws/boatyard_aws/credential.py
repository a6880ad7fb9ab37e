"""`docker-credential-boatyard-ecr`: logs in to ECR with the job's own identity (IRSA, Pod Identity, a CodeBuild role).

{"credHelpers": {"123456789012.dkr.ecr.eu-west-1.amazonaws.com": "boatyard-ecr"}}
"""

import base64
import sys
from typing import Final

from boatyard_aws.clients import Clients
from boatyard_aws.faults import AwsCall
from boatyard_aws.registry.host import parse_host
from boatyard_serverless.credential_helper import RegistryLogin, answer
from boatyard_serverless.faults import REGISTRY

HELPER: Final = "docker-credential-boatyard-ecr"


def login(host: str) -> RegistryLogin | None:
    """Returns a login that lasts twelve hours; None for a host that is not an ECR registry."""
    ecr = parse_host(host)
    if ecr is None:
        return None
    with AwsCall("ecr:GetAuthorizationToken", "*", REGISTRY):
        # The token is valid for every registry that this identity may use, other accounts' included; registryIds is
        # deprecated.
        given = Clients().ecr(ecr.region, fips=ecr.fips).get_authorization_token()
    token = given["authorizationData"][0]["authorizationToken"]
    name, _, secret = base64.b64decode(token).decode().partition(":")
    return RegistryLogin(name, secret)


def main() -> int:
    return answer(login, sys.argv[1:], sys.stdin, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
